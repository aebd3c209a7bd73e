"""Small data sets in the hub's parquet layouts, made by us: fixtures/datasets/parquet.

    pip install pyarrow==26.0.1 numpy==2.4.6 pandas==2.3.3      # Python 3.11
    python tools/metrics/parquet_samples.py

What other readers print of each type (`str` of pyarrow's values, of numpy's for floats of 16 and 32 bits, of pandas' for nanoseconds) is
written beside the files in fixtures/datasets/parquet_kinds/expected.json.

The columns and their types are those of the cards of lmms-lab's repositories (metrics.md); pictures are structs of `bytes` and
`path`, as `datasets` writes them. Rows are two a group and Snappy-compressed, VQAv2 in two files.
"""

import datetime
import decimal
import json
import uuid
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dataset_samples import png

ROOT = Path(__file__).resolve().parents[2] / "fixtures" / "datasets" / "parquet"
KINDS = ROOT.with_name("parquet_kinds")
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
TEXTS = pa.list_(pa.string())
PERSON = pa.struct([("answer", pa.string()), ("answer_confidence", pa.string()), ("answer_id", pa.int64())])


def image(colour: str):
    return {"bytes": png(colour), "path": f"{colour}.png"}


def people(*answers: str):
    return [{"answer": answer, "answer_confidence": "yes", "answer_id": number + 1} for number, answer in enumerate(answers)]


def write(name: str, columns: dict, rows: list[dict], compression="snappy") -> None:
    schema = pa.schema(list(columns.items()))
    table = pa.Table.from_pylist(rows, schema=schema)
    path = ROOT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=2, compression=compression)


VQA = {"question_type": pa.string(), "multiple_choice_answer": pa.string(), "answers": pa.list_(PERSON), "image_id": pa.int64(), "answer_type": pa.string(),
       "question_id": pa.int64(), "question": pa.string(), "image": IMAGE}


def vqa(number: int, colour: str, question: str, *answers: str) -> dict:
    return {"question_type": "what", "multiple_choice_answer": answers[0], "answers": people(*answers), "image_id": number // 1000, "answer_type": "other",
            "question_id": number, "question": question, "image": image(colour)}


GQA = {"id": pa.string(), "imageId": pa.string(), "question": pa.string(), "answer": pa.string(), "fullAnswer": pa.string(), "isBalanced": pa.bool_(),
       "groups": pa.struct([("global", pa.string()), ("local", pa.string())]), "entailed": pa.string(), "equivalent": pa.string(),
       "types": pa.struct([("structural", pa.string()), ("semantic", pa.string()), ("detailed", pa.string())]),
       "semantic": pa.list_(pa.struct([("operation", pa.string()), ("argument", pa.string()), ("dependencies", pa.list_(pa.int32()))])), "semanticStr": pa.string()}


def gqa(number: str, picture: str, question: str, answer: str, full: str) -> dict:
    return {"id": number, "imageId": picture, "question": question, "answer": answer, "fullAnswer": full, "isBalanced": True, "groups": {"global": None, "local": "06-sky_color"},
            "entailed": "", "equivalent": number, "types": {"structural": "verify", "semantic": "attr", "detailed": "verifyAttr"},
            "semantic": [{"operation": "select", "argument": "scene (0)", "dependencies": []}], "semanticStr": "select: scene (0) []"}


def main() -> None:
    write("vqav2/validation-00000-of-00002.parquet", VQA, [vqa(9000, "red", "What colour is it?", *["red"] * 7, "dark red", "crimson", "blue"),
                                                           vqa(9001, "red", "Is it “red”?", *["yes"] * 10), vqa(42000, "green", "How many?", *["0"] * 10)])
    write("vqav2/validation-00001-of-00002.parquet", VQA, [vqa(42001, "green", "Is it blue?", *["no"] * 9, "yes")])
    write("coco/val.parquet", {"question_id": pa.string(), "image": IMAGE, "question": pa.string(), "answer": TEXTS, "id": pa.int64(), "license": pa.int8(), "file_name": pa.string(),
                               "coco_url": pa.string(), "height": pa.int32(), "width": pa.int32(), "date_captured": pa.string()},
          [{"question_id": f"COCO_val2014_00000000000{n}.jpg", "image": image(colour), "question": "Please caption the image.", "answer": [f"A {colour} field.", f"All is {colour}."],
            "id": n, "license": 1, "file_name": f"{n}.jpg", "coco_url": "", "height": 6, "width": 8, "date_captured": ""} for n, colour in [(1, "red"), (2, "green")]])
    write("refcoco/val.parquet", {"question_id": pa.string(), "image": IMAGE, "question": pa.string(), "answer": TEXTS, "segmentation": pa.list_(pa.float32()),
                                  "bbox": pa.list_(pa.float32()), "iscrowd": pa.int8(), "file_name": pa.string()},
          [{"question_id": "469306", "image": image("red"), "question": "Please carefully observe ...", "answer": ["left dog", "the dog"], "segmentation": [1.5, 2.0], "bbox": [1.5, 2.0, 4.0, 3.25],
            "iscrowd": 0, "file_name": "COCO_train2014_000000000009_0.jpg"},
           {"question_id": "2", "image": image("green"), "question": "Please ...", "answer": ["cat"], "segmentation": [], "bbox": [0.0, 0.0, 8.0, 6.0], "iscrowd": 0, "file_name": "b.jpg"}])
    write("textvqa/val.parquet", {"image_id": pa.string(), "question_id": pa.int32(), "question": pa.string(), "question_tokens": TEXTS, "image": IMAGE, "image_width": pa.int32(),
                                  "image_height": pa.int32(), "answers": TEXTS, "image_classes": TEXTS, "set_name": pa.string(), "ocr_tokens": TEXTS},
          [{"image_id": "00", "question_id": 34602, "question": "what is the brand?", "question_tokens": [], "image": image("blue"), "image_width": 8, "image_height": 6,
            "answers": ["nokia"] * 9 + ["toshiba"], "image_classes": [], "set_name": "val", "ocr_tokens": ["NOKIA"]}])
    write("pope/test.parquet", {"id": pa.string(), "question_id": pa.string(), "question": pa.string(), "answer": pa.string(), "image_source": pa.string(), "image": IMAGE, "category": pa.string()},
          [{"id": str(n), "question_id": "1", "question": "Is there a dog?", "answer": answer, "image_source": "COCO_1", "image": image("red"), "category": category}
           for n, (answer, category) in enumerate([("yes", "adversarial"), ("no", "popular")])], compression="none")
    write("mme/test.parquet", {"question_id": pa.string(), "image": IMAGE, "question": pa.string(), "answer": pa.string(), "category": pa.string()},
          [{"question_id": "existence/1.png", "image": image("red"), "question": question, "answer": answer, "category": "existence"} for question, answer in [("Red?", "Yes"), ("Blue?", "No")]])
    write("mmbench/dev.parquet", {"index": pa.int64(), "question": pa.string(), "hint": pa.string(), "answer": pa.string(), "A": pa.string(), "B": pa.string(), "C": pa.string(), "D": pa.string(),
                                  "category": pa.string(), "image": IMAGE, "source": pa.string(), "L2-category": pa.string(), "comment": pa.string(), "split": pa.string()},
          [{"index": 241, "question": "Which?", "hint": "nan", "answer": "B", "A": "red", "B": "blue", "C": "nan", "D": "nan", "category": "colour", "image": image("blue"), "source": "us",
            "L2-category": "perception", "comment": "nan", "split": "dev"}])
    write("blink/val.parquet", {"idx": pa.string(), "question": pa.string(), "sub_task": pa.string(), "image_1": IMAGE, "image_2": IMAGE, "image_3": IMAGE, "image_4": IMAGE, "choices": TEXTS,
                                "answer": pa.string(), "prompt": pa.string(), "explanation": pa.string()},
          [{"idx": "val_Counting_1", "question": "Which?", "sub_task": "Counting", "image_1": image("red"), "image_2": image("green"), "image_3": None, "image_4": None,
            "choices": ["first", "second"], "answer": "(B)", "prompt": "", "explanation": None}])
    write("muirbench/test.parquet", {"idx": pa.string(), "task": pa.string(), "image_relation": pa.string(), "image_type": pa.string(), "question": pa.string(), "options": TEXTS,
                                     "answer": pa.string(), "image_list": pa.list_(IMAGE), "counterpart_idx": pa.string()},
          [{"idx": "1", "task": "Ordering", "image_relation": "Temporal", "image_type": "Photo", "question": "Which comes first?", "options": ["red", "blue"], "answer": "A",
            "image_list": [image("red"), image("blue")], "counterpart_idx": "2"}])
    write("docvqa/validation.parquet", {"questionId": pa.string(), "question": pa.string(), "question_types": TEXTS, "image": IMAGE, "docId": pa.int64(), "ucsf_document_id": pa.string(),
                                        "ucsf_document_page_no": pa.string(), "answers": TEXTS, "data_split": pa.string()},
          [{"questionId": "49153", "question": "What is the date?", "question_types": ["form"], "image": image("blue"), "docId": 14465, "ucsf_document_id": "x", "ucsf_document_page_no": "1",
            "answers": ["1/8/93"], "data_split": "val"}])
    write("chartqa/test.parquet", {"type": pa.string(), "question": pa.string(), "answer": pa.string(), "image": IMAGE},
          [{"type": "human_test", "question": "How many?", "answer": "14", "image": image("red")}])
    write("scienceqa/test.parquet", {"image": IMAGE, "question": pa.string(), "choices": TEXTS, "answer": pa.int8(), "hint": pa.string(), "task": pa.string(), "grade": pa.string(),
                                     "subject": pa.string(), "topic": pa.string(), "category": pa.string(), "skill": pa.string(), "lecture": pa.string(), "solution": pa.string()},
          [{"image": image("green"), "question": "Which is it?", "choices": ["moss", "sea"], "answer": 0, "hint": "", "task": "closed choice", "grade": "grade2", "subject": "natural science",
            "topic": "biology", "category": "Plants", "skill": "", "lecture": "", "solution": ""}])
    write("gqa/testdev_balanced_instructions/testdev-00000-of-00001.parquet", GQA,
          [gqa("201307251", "n161313", "Is it red?", "no", "No, it is blue."), gqa("201307252", "n161313", "Which colour is it?", "blue", "It is blue."),
           gqa("201640614", "n288870", "Is it green?", "yes", "Yes, it is green.")])
    # Two files, a picture that no question is about, and none of the order of the questions.
    pictures = {"id": pa.string(), "image": IMAGE}
    write("gqa/testdev_balanced_images/testdev-00000-of-00002.parquet", pictures, [{"id": "n288870", "image": image("green")}, {"id": "n1", "image": image("red")}])
    write("gqa/testdev_balanced_images/testdev-00001-of-00002.parquet", pictures, [{"id": "n161313", "image": image("blue")}])
    whole = (ROOT / "pope/test.parquet").read_bytes()
    (ROOT / "cut_off.parquet").write_bytes(whole[: len(whole) // 2])


def kinds() -> None:
    """Files with a column of each type, of each codec, and with pictures in each form."""
    KINDS.mkdir(exist_ok=True)
    moment = datetime.datetime(2020, 1, 2, 3, 4, 5, 678000)
    columns = {
        "int8": pa.array([1, -128, 0], pa.int8()), "int16": pa.array([1, -32768, 0], pa.int16()), "int32": pa.array([1, -2**31, 0], pa.int32()),
        "int64": pa.array([1, -2**63, 2**63 - 1], pa.int64()), "uint8": pa.array([1, 255, 0], pa.uint8()), "uint16": pa.array([1, 65535, 0], pa.uint16()),
        "uint32": pa.array([1, 2**32 - 1, 0], pa.uint32()), "uint64": pa.array([1, 2**64 - 1, 0], pa.uint64()),
        "float64": pa.array([0.1, 1e16, 14.0], pa.float64()), "small": pa.array([1e-5, 1e22, -0.0001], pa.float64()),
        "float32": pa.array([0.1, 3.0, -2.5], pa.float32()), "float16": pa.array([0.1, 2.5, 100.25], pa.float32()).cast(pa.float16()),
        "truth": pa.array([True, False, True]), "text": pa.array(["a", "é\n", "['x', 1]"]), "large": pa.array(["a", "红", ""], pa.large_string()),
        "view": pa.array(["a", "b", "a text that is longer than twelve bytes"], pa.string_view()), "dictionary": pa.array(["a", "b", "a"]).dictionary_encode(),
        "binary": pa.array([b"red", "grün".encode(), b"3"], pa.binary()), "fixed": pa.array([b"abc", b"def", b"123"], pa.binary(3)),
        "decimal9": pa.array(list(map(decimal.Decimal, ["1.50", "-2.25", "0.05"])), pa.decimal128(9, 2)),
        "decimal38": pa.array(list(map(decimal.Decimal, ["-0.05", "123456789012345678901234567890.12", "7.00"])), pa.decimal128(38, 2)),
        "whole": pa.array(list(map(decimal.Decimal, ["5", "-7", "0"])), pa.decimal128(10, 0)),
        "date32": pa.array([datetime.date(2020, 1, 2), datetime.date(1969, 12, 31), datetime.date(2000, 2, 29)]),
        "time32": pa.array([datetime.time(3, 4, 5), datetime.time(3, 4, 5, 678000), datetime.time(0)], pa.time32("ms")),
        "time64": pa.array([datetime.time(3, 4, 5), datetime.time(3, 4, 5, 678901), datetime.time(0)], pa.time64("us")),
        "milliseconds": pa.array([moment, datetime.datetime(1969, 12, 31, 23, 59, 59), moment], pa.timestamp("ms")),
        "microseconds": pa.array([moment, datetime.datetime(1900, 1, 1), moment], pa.timestamp("us")),
        "nanoseconds": pa.array([1577934245678000001, 0, -1], pa.timestamp("ns")), "zoned": pa.array([moment] * 3, pa.timestamp("us", tz="UTC")),
        "uuid": pa.array([uuid.UUID(int=n).bytes for n in (1, 2, 3)], pa.binary(16)).cast(pa.uuid()) if hasattr(pa, "uuid") else pa.array(["x"] * 3),
    }
    shown = {"float32": lambda value: str(np.float32(value)), "float16": lambda value: str(np.float16(value)), "binary": lambda value: value.decode(),
             "fixed": lambda value: value.decode()}
    expected = {}
    for name, column in columns.items():
        if name == "nanoseconds":
            expected[name] = [str(pd.Timestamp(value)) for value in column.cast(pa.int64()).to_pylist()]
        else:
            expected[name] = [shown.get(name, str)(value) for value in column.to_pylist()]
    pictures = pa.array([image(colour) for colour in ("red", "green", "blue")], IMAGE)
    base = {"id": pa.array(["a", "b", "c"]), "question": pa.array(["Which?"] * 3), "picture": pictures}
    pq.write_table(pa.table({**base, **columns}), KINDS / "types.parquet")
    (KINDS / "expected.json").write_text(json.dumps(expected, ensure_ascii=False, indent=1) + "\n")
    answers = {"answer": pa.array(["red", "green", "blue"])}
    for codec in ("none", "snappy", "gzip", "zstd", "brotli", "lz4"):
        pq.write_table(pa.table({**base, **answers}), KINDS / f"{codec}.parquet", compression=codec)
    pq.write_table(pa.table({**base, **answers}), KINDS / "v2.parquet", data_page_version="2.0", row_group_size=2)
    delta = {"question": "DELTA_BYTE_ARRAY", "answer": "DELTA_LENGTH_BYTE_ARRAY"}
    pq.write_table(pa.table({**base, **answers}), KINDS / "delta.parquet", use_dictionary=False, column_encoding=delta)
    more = pa.struct([*IMAGE, ("size", pa.int32())])
    colours = ("red", "green", "blue")
    forms = {
        "bytes": pa.array([png(colour) for colour in colours], pa.binary()), "further": pa.array([{**image(colour), "size": 3} for colour in colours], more),
        "alone": pa.array([{"bytes": png(colour)} for colour in colours], pa.struct([("bytes", pa.binary())])),
        "several": pa.array([[image(colour), image("red")] for colour in colours], pa.list_(IMAGE)),
        "several_large": pa.array([[image(colour)] for colour in colours], pa.large_list(IMAGE)),
        "large_bytes": pictures.cast(pa.struct([("bytes", pa.large_binary()), ("path", pa.large_string())])),
        "one_lacks": pa.array([image("red"), None, image("blue")], IMAGE), "beside": pa.array([{"bytes": None, "path": f"../ok/pictures/{c}.png"} for c in colours], IMAGE),
        "away": pa.array([{"bytes": None, "path": "/etc/red.png"}] * 3, IMAGE),
        "no_picture": pa.array([{"bytes": 3, "path": "x"}] * 3, pa.struct([("bytes", pa.int32()), ("path", pa.string())])),
    }
    lists = {"list": pa.array([["red", "crimson"], ["green"], ["blue", "x"]]), "one_empty": pa.array([["red", "crimson"], [], ["blue"]]),
             "one_null": pa.array(["red", None, "blue"]), "empty_text": pa.array(["", "green", "blue"]),
             "structs": pa.array([[{"answer": "red"}, {"answer": "crimson"}], [{"answer": "green"}], [{"answer": "blue"}]]),
             "python": pa.array(["['red', \"crim's\"]", "['green']", "['blue', 'x']"])}
    pq.write_table(pa.table({"id": base["id"], "question": base["question"], **answers, **forms, **lists}), KINDS / "forms.parquet")
    pq.write_table(pa.table({**base, **answers, "id": pa.array(["a b", "a/b", "A b"])}), KINDS / "equal_names.parquet")


if __name__ == "__main__":
    main()
    kinds()
