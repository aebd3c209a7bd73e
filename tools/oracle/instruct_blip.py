"""Runs transformers on InstructBLIP checkpoint folders and records what it gives. Usage: python instruct_blip.py"""

import sys

from blip2 import record

if __name__ == "__main__":
    for checkpoint in sys.argv[1:] or ("instruct_blip/vicuna", "instruct_blip/t5"):
        record(checkpoint)
