"""Small files of torch.save, well-formed and hostile, and what their tensors hold. Usage: python pickles.py"""

import struct
import zipfile
from collections import OrderedDict

import torch
from safetensors.torch import save_file

from paths import ORACLE, write_json

FOLDER = ORACLE / "pickles"


def numbers(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape))).round(decimals=3)


def state() -> OrderedDict:
    """What published checkpoints hold: several types, views of one storage, other orders, parameters, integers."""
    base = numbers(4, 6)
    result = OrderedDict()
    result["plain"] = numbers(2, 3)
    result["scalar"] = torch.tensor(1.5)
    result["empty"] = torch.zeros(0, 4)
    result["half"] = numbers(5).half()
    result["brain"] = numbers(2, 2).bfloat16()
    result["transposed"] = numbers(3, 4).T
    result["permuted"] = numbers(2, 3, 4).permute(1, 2, 0)
    result["rows"] = base[1:3]
    result["tied"] = base
    result["parameter"] = torch.nn.Parameter(numbers(3, 1))
    result["gaps"] = numbers(4, 4)[:, ::2]
    result["repeated"] = numbers(1, 3).expand(2, 3)
    result["double"] = numbers(2).double()
    result["position_ids"] = torch.arange(5)
    result["mask"] = torch.tensor([True, False])
    result._metadata = OrderedDict(version=1)
    return result


class Runs:
    """Unpickled by Python, it makes the folder `harm`."""

    def __reduce__(self):
        import os

        return os.system, ("mkdir harm",)


def archive(name: str, description: bytes, storages: dict[str, bytes], compression=zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(FOLDER / name, "w", compression) as file:
        for entry, content in [("data.pkl", description), *((f"data/{key}", value) for key, value in storages.items()), ("version", b"3\n")]:
            info = zipfile.ZipInfo(f"archive/{entry}", (1980, 1, 1, 0, 0, 0))
            info.compress_type = compression
            file.writestr(info, content)


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def described(shape: bytes, strides: bytes, offset: bytes = b"K\0", storage: bytes = b"0") -> bytes:
    """A dictionary of one tensor `x` over a float storage."""
    reference = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(storage.decode()) + text("cpu") + b"K\x04tQ"
    return b"\x80\x02}" + text("x") + b"ctorch._utils\n_rebuild_tensor_v2\n(" + reference + offset + shape + strides + b"\x89}tRs."


def hostile() -> None:
    (FOLDER / "harm.pth").unlink(missing_ok=True)
    torch.save({"plain": numbers(2, 3), "weight": Runs()}, FOLDER / "harm.pth")
    sixteen = bytes(16)
    big = b"\x8a\x08" + struct.pack("<q", 2**62)
    archive("beyond.pth", described(b"K\x05\x85", b"K\x01\x85"), {"0": sixteen})
    archive("offset.pth", described(b"K\x02\x85", b"K\x01\x85", b"K\x03"), {"0": sixteen})
    archive("huge.pth", described(big + big + b"\x86", big + b"K\x01\x86"), {"0": sixteen})
    archive("negative.pth", described(b"J\xff\xff\xff\xff\x85", b"K\x01\x85"), {"0": sixteen})
    archive("no_storage.pth", described(b"K\x04\x85", b"K\x01\x85", storage=b"7"), {"0": sixteen})
    archive("few_arguments.pth", b"\x80\x02}" + text("x") + b"ctorch._utils\n_rebuild_tensor_v2\n)Rs.", {})
    archive("long_text.pth", b"\x80\x02X\xff\xff\xff\xffabc", {})
    archive("cut_pickle.pth", described(b"K\x04\x85", b"K\x01\x85")[:40], {"0": sixteen})
    archive("opcode.pth", b"\x80\x02i.", {})
    archive("no_dictionary.pth", b"\x80\x02K\x01.", {})
    # Tuples within tuples, and tuples that hold the one before twice.
    archive("deep.pth", b"\x80\x02)" + b"\x85" * 100_000 + b"}.", {}, zipfile.ZIP_STORED)
    archive("laughs.pth", b"\x80\x02)q\0" + b"h\0h\0\x86q\0" * 200 + b"0}.", {})
    # A dictionary that holds itself, twenty times.
    archive("itself.pth", b"\x80\x02}q\0(" + b"".join(text(f"k{i}") + b"h\0" for i in range(20)) + b"u.", {})
    archive("compressed.pth", described(b"K\x04\x85", b"K\x01\x85"), {"0": sixteen}, zipfile.ZIP_DEFLATED)
    whole = (FOLDER / "state.pth").read_bytes()
    (FOLDER / "cut.pth").write_bytes(whole[:-100])


def folder(tensors: OrderedDict) -> None:
    """A checkpoint folder of shards with their index, as `save_pretrained(safe_serialization=False)` wrote them."""
    out = FOLDER / "sharded"
    out.mkdir(exist_ok=True)
    write_json(out / "config.json", {"model_type": "none"})
    names = sorted(tensors)
    weight_map = {}
    for shard in range(2):
        file = f"pytorch_model-{shard + 1:05}-of-00002.bin"
        torch.save(OrderedDict((name, tensors[name]) for name in names[shard::2]), out / file)
        weight_map |= {name: file for name in names[shard::2]}
    write_json(out / "pytorch_model.bin.index.json", {"metadata": {}, "weight_map": weight_map})


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    tensors = state()
    torch.save(tensors, FOLDER / "state.pth")
    torch.save({"model": tensors, "epoch": 3, "optimizer": {"state": {0: {"exp_avg": numbers(3)}}, "param_groups": [{"lr": 1e-4, "betas": (0.9, 0.95)}]},
                "config": {"name": "x", "large": 2**70, "list": ["a", None, True]}, "scaler": {}}, FOLDER / "nested.pth")
    torch.save(OrderedDict(plain=tensors["plain"]), FOLDER / "protocol_4.pth", pickle_protocol=4)
    torch.save(OrderedDict(plain=tensors["plain"]), FOLDER / "old.pth", _use_new_zipfile_serialization=False)
    hostile()
    folder(tensors)
    floats = {name: value.detach().contiguous().clone() for name, value in tensors.items() if value.dtype in (torch.float32, torch.float16, torch.bfloat16)}
    save_file(floats, FOLDER / "expected.safetensors")


if __name__ == "__main__":
    main()
