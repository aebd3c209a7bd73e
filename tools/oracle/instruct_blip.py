"""Runs transformers on InstructBLIP checkpoint folders and records what it gives. Usage: python instruct_blip.py"""

from blip2 import record

if __name__ == "__main__":
    for checkpoint in ("instruct_blip/vicuna", "instruct_blip/t5"):
        record(checkpoint)
