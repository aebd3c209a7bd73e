"""Small data sets in the official layouts, made by us: fixtures/datasets.

    python tools/metrics/dataset_samples.py          # Python 3.11, standard library only

Pictures are 8 x 6 PNGs of one colour. The pickles have protocol 2; fixtures/golden has the same data
in every protocol, from Python 2 too.
"""
import base64, json, pickle, shutil, struct, zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2] / "fixtures" / "datasets"
COLOURS = {"red": (200, 30, 30), "green": (30, 160, 60), "blue": (40, 60, 200)}


def png(colour):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + bytes(COLOURS[colour]) * 8 for _ in range(6))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 6, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def write(path, text):
    path = ROOT / path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


def dump(path, value):
    write(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def lines(path, rows):
    write(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def people(*answers):
    return [{"answer": answer, "answer_confidence": "yes", "answer_id": number + 1}
            for number, answer in enumerate(answers)]


def vqa():
    questions = [{"image_id": 9, "question": "What colour is it?", "question_id": 9000},
                 {"image_id": 9, "question": "Is it red?", "question_id": 9001},
                 {"image_id": 42, "question": "How many \"things\" {are} there?", "question_id": 42000}]
    annotations = [
        {"question_type": "what colour", "multiple_choice_answer": "red",
         "answers": people(*["red"] * 7, "dark red", "crimson", "blue"), "image_id": 9,
         "answer_type": "other", "question_id": 9000},
        {"question_type": "how many", "multiple_choice_answer": "0",
         "answers": people(*["0"] * 10), "image_id": 42, "answer_type": "number", "question_id": 42000},
        {"question_type": "is it", "multiple_choice_answer": "yes",
         "answers": people(*["yes"] * 9, "no"), "image_id": 9, "answer_type": "yes/no",
         "question_id": 9001}]
    head = {"info": {"year": 2026}, "license": {"name": "MIT"}, "data_type": "mscoco", "data_subtype": "val2014"}
    return ({**head, "task_type": "Open-Ended", "questions": questions},
            {**head, "annotations": annotations})


def refs():
    sentence = lambda number, text: {"tokens": text.split(), "raw": text.upper(), "sent": text, "sent_id": number}
    return [{"sent_ids": [0, 1], "file_name": "COCO_train2014_000000000009_17.jpg", "ann_id": 17, "ref_id": 5,
             "image_id": 9, "category_id": 3, "split": "val",
             "sentences": [sentence(0, "left dog"), sentence(1, "the dog on the left")]},
            {"sent_ids": [2], "file_name": "COCO_train2014_000000000042_18.jpg", "ann_id": 18, "ref_id": 6,
             "image_id": 42, "category_id": 3, "split": "testA", "sentences": [sentence(2, "cat")]}]


INSTANCES = {
    "images": [{"id": 9, "file_name": "red.png", "width": 8, "height": 6},
               {"id": 42, "file_name": "green.png", "width": 8, "height": 6}],
    "annotations": [{"id": 17, "image_id": 9, "category_id": 3, "bbox": [1.5, 2, 4, 3.25], "area": 13,
                     "iscrowd": 0, "segmentation": [[1.5, 2, 5.5, 2, 5.5, 5.25]]},
                    {"id": 18, "image_id": 42, "category_id": 3, "bbox": [0, 0, 8, 6], "area": 48,
                     "iscrowd": 0, "segmentation": []}],
    "categories": [{"id": 3, "name": "animal"}]}


def pickled(value):
    return pickle.dumps(value, protocol=2)


def coco():
    return {"info": {}, "licenses": [], "type": "captions",
            "annotations": [{"image_id": 9, "id": 1, "caption": "A red field."},
                            {"image_id": 42, "id": 2, "caption": "Something green."},
                            {"image_id": 9, "id": 3, "caption": "All is red, \"really\"."}],
            "images": [{"id": 42, "width": 8, "height": 6, "file_name": "green.png"},
                       {"id": 9, "width": 8, "height": 6, "file_name": "red.png"}]}


def karpathy():
    sentence = lambda text, number: {"tokens": text.lower().split(), "raw": text, "imgid": 0, "sentid": number}
    image = lambda name, cocoid, split, *texts: {
        "filepath": "pictures", "sentids": [1], "filename": name, "imgid": 0, "split": split,
        "sentences": [sentence(text, 1) for text in texts], "cocoid": cocoid}
    return {"images": [image("red.png", 9, "test", "A red field.", "Red  "),
                       image("green.png", 42, "restval", "Green")], "dataset": "coco"}


def tsv(rows):
    names = list(rows[0])
    return "\t".join(names) + "\n" + "".join("\t".join(str(row[name]) for name in names) + "\n" for row in rows)


def mmbench():
    picture = base64.b64encode(png("red")).decode()
    row = lambda index, a, b, answer, image: {
        "index": index, "question": "What colour is it?", "hint": "", "A": a, "B": b, "C": "", "D": "",
        "answer": answer, "category": "colour", "image": image, "split": "dev"}
    return tsv([row(7, "red", "blue", "A", picture), row(1000007, "blue", "red", "B", 7)])


def ok():
    for colour in COLOURS:
        write(f"ok/pictures/{colour}.png", png(colour))
    questions, annotations = vqa()
    dump("ok/vqa/questions.json", questions)
    dump("ok/vqa/annotations.json", annotations)
    for colour, number in [("red", 9), ("green", 42)]:
        write(f"ok/vqa/val/COCO_val2014_{number:012}.png", png(colour))
    dump("ok/coco/captions.json", coco())
    dump("ok/coco/dataset_coco.json", karpathy())
    write("ok/refcoco/refs(unc).p", pickled(refs()))
    dump("ok/refcoco/instances.json", INSTANCES)
    dump("ok/textvqa/TextVQA_val.json", {"dataset_type": "val", "data": [
        {"question_id": 34602, "question": "what is written?", "image_id": "red", "answers": ["stop"] * 8 + ["STOP", "shop"],
         "image_classes": ["Sign"], "image_width": 8}]})
    dump("ok/gqa/testdev.json", {"201307251": {"question": "Is it red?", "imageId": "red", "answer": "yes",
                                               "fullAnswer": "Yes, it is.", "types": {"structural": "verify"}}})
    dump("ok/docvqa/val.json", {"dataset_name": "docvqa", "data": [
        {"questionId": 337, "question": "what is the date?", "image": "red.png", "docId": 1, "answers": ["1/8/93", "1/8/1993"]}]})
    dump("ok/chartqa/test_human.json", [{"imgname": "red.png", "query": "How many bars?", "label": "3"},
                                       {"imgname": "green.png", "query": "Which is highest?", "label": "Chad"}])
    lines("ok/pope/coco_pope_random.json", [
        {"question_id": 1, "image": "red.png", "text": "Is there a snowboard in the image?", "label": "yes"},
        {"question_id": 2, "image": "green.png", "text": "Is there a dog in the image?", "label": "no"}])
    write("ok/mme/color/red.png", png("red"))
    write("ok/mme/color/red.txt", "Is it red? Please answer yes or no.\tYes\nIs it blue? Please answer yes or no.\tNo\n")
    write("ok/mme/artwork/images/green.png", png("green"))
    write("ok/mme/artwork/questions_answers_YN/green.txt", "Is this art?\tNo\nIs this green?\tYes\n")
    write("ok/mmbench/MMBench_DEV_EN.tsv", mmbench())
    lines("ok/blink/val.jsonl", [{"idx": "val_Counting_1", "sub_task": "Counting", "question": "How many?",
                                  "choices": ["one", "two"], "answer": "(B)", "prompt": "How many? (A) one (B) two",
                                  "image_1": "red.png", "image_2": "green.png", "image_3": None, "image_4": None}])
    lines("ok/muirbench/test.jsonl", [{"idx": "5", "task": "Difference", "question": "Which is red? <image> or <image>",
                                       "options": ["the first", "the second"], "answer": "A",
                                       "image_list": ["red.png", "green.png"]}])
    lines("ok/scienceqa/test.jsonl", [{"id": "11", "question": "What is this?", "hint": "Look.", "choices": ["red", "green", "blue"],
                                       "answer": 1, "image": "green.png", "subject": "natural science"}])
    write("ok/mapped/boxes.csv", "name,file,what,x1,y1,x2,y2\nfirst,red.png,\"the thing, left\",1,1,4,5\nsecond,green.png,all,0,0,8,6\n")
    lines("ok/mapped/letters.jsonl", [{"n": 1, "file": "red.png", "q": "Which?", "options": ["red", "blue"], "right": "A"}])


def err():
    write("err/pictures/red.png", png("red"))
    questions, annotations = vqa()
    dump("err/data/questions.json", questions)
    dump("err/data/annotations.json", annotations)
    extra = json.loads(json.dumps(annotations))
    extra["annotations"].append({**extra["annotations"][0], "question_id": 77})
    dump("err/data/annotation_without_question.json", extra)
    dump("err/data/question_without_annotation.json", {"annotations": annotations["annotations"][:2]})
    dump("err/data/annotation_twice.json", {"annotations": annotations["annotations"] + annotations["annotations"][:1]})
    dump("err/data/question_twice.json", {"questions": questions["questions"] + questions["questions"][1:2]})
    write("err/data/broken.json", '{"questions": [\n {"question_id": 1, "question": "a" "image_id": 2}\n]}\n')
    write("err/data/cut_off.json", '{"questions": [\n {"question_id": 1, "question": "a", "image_id": 2},\n')
    write("err/data/not_utf8.json", b'{"questions": [\n {"question_id": 1, "question": "\xff"}]}')
    dump("err/data/no_questions.json", {"annotations": []})
    dump("err/data/no_id.json", {"questions": [{"question": "a"}]})
    write("err/data/code.p", b"\x80\x02cos\nsystem\nq\x00U\x04echoq\x01\x85q\x02R.")
    write("err/data/cut_off.p", pickled(refs())[:200])
    dump("err/data/instances.json", INSTANCES)
    dump("err/data/no_box.json", {**INSTANCES, "annotations": INSTANCES["annotations"][1:]})
    write("err/data/refs.p", pickled(refs()))
    write("err/data/uneven.csv", "id,file,answer\n1,red.png,yes\n2,red.png\n")
    write("err/data/names.csv", "id,file,answer\na/b,red.png,yes\na_b,red.png,yes\n")
    write("err/data/letters.csv", "id,file,answer,A,B\n1,red.png,C,yes,no\n")
    write("err/data/boxes.csv", "id,file,x1,y1,x2,y2\n1,red.png,5,1,2,4\n")
    write("err/data/base64.tsv", "index\tquestion\tA\tB\tanswer\timage\n1\twhich?\ta\tb\tA\t!!!\n")
    write("err/data/lender.tsv", "index\tquestion\tA\tB\tanswer\timage\n1\twhich?\ta\tb\tA\t99\n")
    lines("err/data/pope.json", [{"question_id": 1, "image": "red.png", "text": "?", "label": "perhaps"}])
    lines("err/data/markers.jsonl", [{"idx": "1", "task": "t", "question": "<image>?", "options": ["a", "b"], "answer": "A",
                                      "image_list": ["red.png", "red.png"]}])


if __name__ == "__main__":
    for folder in ["ok", "err"]:
        # The definitions and expected messages beside the data are written by hand.
        for path in (ROOT / folder).glob("*"):
            if path.is_dir() and path.name != "expected":
                shutil.rmtree(path)
    ok()
    err()
