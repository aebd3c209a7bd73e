"""Trains the tiny Qwen3-VL from nothing on procedural scenes.

Usage: python train.py --tokenizer TOKENIZER.json --out FOLDER [--minutes 18] [--device cuda]
The learning rate follows the clock, so a run takes the minutes it was given on any GPU.
"""

import argparse
import json
import math
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

import pool as data
from evaluate import TASKS, evaluate, examples
from export import half
from model import Qwen3Vl
from packing import Batch, Packer

SINGLE_FIELDS = ("prefix", "text", "segment", "position", "target")
PAIR_FIELDS = ("pair_prefix", "pair_middle", "pair_text", "pair_segment", "pair_position", "pair_target")


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=18.0)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--workers", type=int, default=15)
    parser.add_argument("--capacity", type=int, default=160, help="chunks kept on the device")
    parser.add_argument("--first", type=int, default=24, help="chunks to wait for before the first step")
    parser.add_argument("--singles", type=int, default=128, help="rows with one picture in a batch")
    parser.add_argument("--pairs", type=int, default=32, help="rows with two pictures in a batch")
    parser.add_argument("--chunk", type=int, default=0, help="number of the first chunk; the seeds follow from it")
    parser.add_argument("--counting", action="store_true", help="more scenes and questions for counting")
    parser.add_argument("--still", action="store_true", help="stop drawing once the first chunks are there")
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--warm", type=float, default=0.02, help="share of the run for the warm-up")
    parser.add_argument("--threads", type=int, help="of a run on the CPU")
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--start", help="weights to continue from, instead of random ones")
    parser.add_argument("--evaluate-every", type=float, default=150.0, help="seconds")
    parser.add_argument("--scenes", type=int, default=100, help="scenes of a task in an intermediate evaluation")
    parser.add_argument("--plain", action="store_true", help="neither compile nor capture")
    return parser.parse_args()


def loss_of(network, patches, grid, single: dict, pair: dict):
    """The mean cross-entropy over all answer tokens; the pictures of the single rows come before those of the pairs."""
    grid = grid.long()
    visual, taps = network.model["visual"](patches, grid)
    s, p = len(single["text"]), len(pair["pair_text"])
    one = Batch(
        single["prefix"].long(), single["text"].long(), single["segment"], single["position"], slice(0, s), grid[:s]
    )
    two = Batch(
        pair["pair_prefix"].long(),
        pair["pair_text"].long(),
        pair["pair_segment"],
        pair["pair_position"],
        slice(s, s + p),
        grid[s : s + p],
        pair["pair_middle"].long(),
        slice(s + p, s + 2 * p),
        grid[s + p :],
    )
    total, count = 0.0, 0.0
    for batch, target in ((one, single["target"]), (two, pair["pair_target"])):
        hidden, target = network.hidden(batch, visual, taps).flatten(0, 1), target.flatten().long()
        if target.device.type == "cpu":  # no static shapes to keep there
            hidden, target = hidden[target >= 0], target[target >= 0]
        logits = network.logits(hidden).float()
        total = total + F.cross_entropy(logits, target, ignore_index=-1, reduction="sum")
        count = count + (target >= 0).sum()
    return total / count


def optimizer_of(network, rate, device):
    matrices = [p for n, p in network.named_parameters() if p.dim() >= 2 and "embed" not in n]
    others = [p for n, p in network.named_parameters() if p.dim() < 2 or "embed" in n]
    cuda = device == "cuda"
    return torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}],
        lr=rate,
        betas=(0.9, 0.97),
        eps=1e-8,
        fused=cuda,
        capturable=cuda,
    )


class Trainer:
    """One optimisation step over a random batch of the pool; on a GPU it is one CUDA graph."""

    def __init__(self, args, pool):
        torch.manual_seed(args.seed)
        self.args, self.pool, self.device = args, pool, args.device
        self.network = Qwen3Vl().to(self.device)
        if args.start:
            self.network.load_state_dict({name: value.float() for name, value in load_file(args.start).items()})
        self.rate = torch.tensor(0.0, device=self.device)
        self.optimizer = optimizer_of(self.network, self.rate, self.device)
        self.parameters = list(self.network.parameters())
        self.rows = torch.zeros(args.singles, dtype=torch.long, device=self.device)
        self.pair_rows = torch.zeros(args.pairs, dtype=torch.long, device=self.device)
        self.loss = torch.zeros((), device=self.device)
        self.loss_of = loss_of if args.plain else torch.compile(loss_of, dynamic=False)
        self.graph = None

    def step(self) -> None:
        pool = self.pool.tensors
        single = {name: pool[name][self.rows] for name in SINGLE_FIELDS}
        pair = {name: pool[name][self.pair_rows] for name in PAIR_FIELDS}
        chunk, within = self.pair_rows // data.PAIR_ROWS, self.pair_rows % data.PAIR_ROWS // data.ROWS_PER_PAIR
        left = chunk * data.PICTURES + data.SINGLES + 2 * within
        pictures = torch.cat((self.rows // data.ROWS_PER_PICTURE, left, left + 1))
        with torch.autocast(self.device, torch.bfloat16, enabled=self.device == "cuda"):
            loss = self.loss_of(self.network, pool["patches"][pictures], pool["grid"][pictures], single, pair)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0, foreach=True)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=False)
        self.loss.copy_(loss.detach())

    def draw(self) -> None:
        filled = self.pool.filled
        torch.randint(filled * data.ROWS, self.rows.shape, out=self.rows)
        torch.randint(filled * data.PAIR_ROWS, self.pair_rows.shape, out=self.pair_rows)

    def prepare(self) -> None:
        """Compiles, and records the step once as a graph; the rate is zero still, so only the optimizer's moments move."""
        self.draw()
        if self.args.plain:
            return
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self.step()
        torch.cuda.current_stream().wait_stream(stream)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.step()

    def train_step(self, rate: float) -> None:
        self.draw()
        self.rate.fill_(rate)
        self.graph.replay() if self.graph else self.step()


def rate_at(done: float, peak: float, warm: float) -> float:
    """A short warm-up, then a cosine to zero, over the share of the run that is done."""
    return peak * done / warm if done < warm else peak * 0.5 * (1 + math.cos(math.pi * (done - warm) / (1 - warm)))


def sample_examples(args) -> list[dict]:
    """Small evaluations in turn: one language each, held-out scenes that the final evaluation does not use."""
    first = 1_000_000
    return [{f"{task}/{lang}": examples(task, lang, args.scenes, first) for task in TASKS} for lang in ("en", "zh")]


def main() -> None:
    args = arguments()
    args.out.mkdir(parents=True, exist_ok=True)
    mix = data.COUNTING if args.counting else data.EVEN
    pool = data.Pool(args.tokenizer, args.workers, args.capacity, args.chunk, mix)
    pool.on_device(args.device)
    torch.set_float32_matmul_precision("highest")
    packer, began = Packer(args.tokenizer), time.time()
    drawn = sample_examples(args) if args.evaluate_every < args.minutes * 60 else []
    while pool.filled < args.first:
        pool.take(wait=True)
    if args.still:
        pool.stop()
    if args.threads:
        torch.set_num_threads(args.threads)
    print(f"{pool.filled} chunks and the samples after {time.time() - began:.0f} s", flush=True)
    trainer = Trainer(args, pool)
    trainer.prepare()
    print(f"prepared after {time.time() - began:.0f} s", flush=True)
    run(args, trainer, pool, packer, drawn)
    pool.stop()


def run(args, trainer, pool, packer, drawn) -> None:
    began = last = time.time()
    limit, steps, evaluated, log = args.minutes * 60, 0, 0, []
    group, every = (10, 20) if args.device == "cuda" else (1, 5)
    while (elapsed := time.time() - began) < limit:
        if not args.still:
            pool.take()
        for _ in range(group):
            trainer.train_step(rate_at(elapsed / limit, args.rate, args.warm))
        steps += group
        if steps % (every * group) == 0:
            loss = trainer.loss.item()
            log.append({"step": steps, "seconds": round(elapsed, 1), "loss": loss, "chunks": pool.drawn})
            pace = (time.time() - last) / (every * group) * 1e3
            print(f"step {steps}  {elapsed:.0f} s  {pace:.1f} ms/step  loss {loss:.4f}", flush=True)
            last = time.time()
        if elapsed // args.evaluate_every > evaluated:
            evaluated = int(elapsed // args.evaluate_every)
            report = evaluate(trainer.network, packer, drawn[evaluated % 2], args.device)
            log.append({"step": steps, "scores": report})
            save(args, trainer.network, log)
            last = time.time()
    print(f"done: {steps} steps in {time.time() - began:.0f} s", flush=True)
    log.append({"steps": steps, "seconds": round(time.time() - began, 1), "pictures": pool.drawn * data.PICTURES})
    save(args, trainer.network, log)


def save(args, network, log) -> None:
    save_file(half(network), args.out / "model.safetensors", metadata={"format": "pt"})
    (args.out / "log.json").write_text(json.dumps(log, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
