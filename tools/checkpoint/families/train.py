"""Trains the four families side by side on one GPU, from nothing, on the same scenes.

Usage: PYTHONPATH=..:. python train.py --models MODELS --out FOLDER [--seconds 560]
(MODELS: the folder with the checkpoints' tokenizers). The learning rate follows the clock.
"""

import argparse
import json
import math
import multiprocessing
import time
import traceback
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

import rows
import scoring
import wording
from networks import Network
from source import MIXED, PICTURES, PRESETS, Pool, Source


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--families", nargs="+", default=list(wording.FAMILIES))
    parser.add_argument("--seconds", type=float, default=520.0, help="from the start to the last step")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--workers", type=int, default=13)
    parser.add_argument("--capacity", type=int, default=300, help="chunks kept on the device")
    parser.add_argument("--first", type=int, default=24, help="chunks to wait for before the first step")
    parser.add_argument("--rows", type=int, default=128, help="pictures in a batch")
    parser.add_argument("--chunk", type=int, default=0, help="number of the first chunk; the seeds follow from it")
    parser.add_argument("--rate", type=float, default=1.2e-3)
    parser.add_argument("--warm", type=float, default=0.03, help="share of the run for the warm-up")
    parser.add_argument("--aux", type=float, default=0.5, help="weight of the auxiliary task at the start")
    parser.add_argument("--aux-until", type=float, default=0.6, help="share of the run after which it is gone")
    parser.add_argument("--seed", type=int, default=20261201)
    parser.add_argument("--start", type=Path, help="folder of weights to continue from, instead of random ones")
    parser.add_argument("--evaluate-every", type=float, default=120.0, help="seconds")
    parser.add_argument("--scenes", type=int, default=500, help="held-out scenes a kind and language at the end")
    parser.add_argument("--presets", action="store_true", help="no questions as written, only in the presets' words")
    parser.add_argument("--plain", action="store_true", help="neither compile nor capture")
    return parser.parse_args()


def network_of(family: str, words: rows.Words) -> Network:
    return Network(family, words.connector and words.connector.get_vocab_size())


class Trainer:
    """One optimisation step over a random batch of the pool; on a GPU it is one CUDA graph."""

    def __init__(self, args, family: str, words: rows.Words, pool: Pool):
        torch.manual_seed(args.seed)
        self.args, self.pool, self.device = args, pool, args.device
        self.network = network_of(family, words).to(self.device)
        if args.start:
            weights = load_file(args.start / f"{family}.safetensors")
            self.network.load_state_dict({name: value.float() for name, value in weights.items()})
        self.rate, self.aux = (torch.tensor(0.0, device=self.device) for _ in range(2))
        named = list(self.network.named_parameters())
        plain = lambda name, p: p.dim() != 2 or "embed" in name or "positions" in name
        cuda = self.device == "cuda"
        self.optimizer = torch.optim.AdamW(
            [
                {"params": [p for n, p in named if not plain(n, p)], "weight_decay": 0.05},
                {"params": [p for n, p in named if plain(n, p)], "weight_decay": 0.0},
            ],
            lr=self.rate, betas=(0.9, 0.97), eps=1e-8, fused=cuda, capturable=cuda,
        )  # fmt: skip
        self.parameters = [p for _, p in named]
        self.before = torch.tensor(words.before, dtype=torch.long, device=self.device)
        self.rows = torch.zeros(args.rows, dtype=torch.long, device=self.device)
        self.loss = torch.zeros((), device=self.device)
        self.loss_of = self.network.loss if args.plain else torch.compile(self.network.loss, dynamic=False)
        self.graph = None

    def step(self) -> None:
        batch = {name: tensor[self.rows] for name, tensor in self.pool.tensors.items()}
        with torch.autocast(self.device, torch.bfloat16, enabled=self.device == "cuda"):
            answers, loss = self.loss_of(self.before, batch, self.aux)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0, foreach=True)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=False)
        self.loss.copy_(answers.detach())

    def draw(self) -> None:
        torch.randint(self.pool.filled * PICTURES, self.rows.shape, out=self.rows)

    def prepare(self) -> None:
        """Compiles, and records the step once as a graph; the rate is zero still."""
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

    def train_step(self, rate: float, aux: float) -> None:
        self.draw()
        self.rate.fill_(rate)
        self.aux.fill_(aux)
        self.graph.replay() if self.graph else self.step()


def rate_at(done: float, peak: float, warm: float) -> float:
    """A short warm-up, then a cosine to zero, over the share of the run that is done."""
    return peak * done / warm if done < warm else peak * 0.5 * (1 + math.cos(math.pi * (done - warm) / (1 - warm)))


def train(args, began: float, source: Source, samples, held, family: str) -> None:
    words = rows.Words(family, args.models)
    pool = Pool(source, family, args.capacity, args.device)
    trainer = Trainer(args, family, words, pool)
    while pool.filled < args.first:
        pool.take()
        time.sleep(0.05)
    trainer.prepare()
    report = lambda text: print(f"{family:12} {time.time() - began:5.0f} s  {text}", flush=True)
    report("prepared")
    log = run(args, began, trainer, words, samples, report)
    save(args, trainer.network, family, log)
    report(f"done: {log[-1]}")
    if held:
        log.append({"held out": scoring.evaluate(trainer.network.eval(), words, held, args.device)})
        report(scoring.table(log[-1]["held out"]))
        if words.connector:
            log.append({"blank": scoring.evaluate(trainer.network, words, held, args.device, blank=True)})
            report("blank: " + scoring.table(log[-1]["blank"]))
        save(args, trainer.network, family, log)
        report("saved")


def run(args, began, trainer, words, samples, report) -> list:
    first = last = evaluated = time.time()
    limit, steps, log = began + args.seconds, 0, []
    group = 10 if args.device == "cuda" else 1
    while (now := time.time()) < limit:
        trainer.pool.take(8)
        done = (now - first) / (limit - first)
        aux = args.aux * max(0.0, 1 - done / args.aux_until)
        for _ in range(group):
            trainer.train_step(rate_at(done, args.rate, args.warm), aux)
        steps += group
        if steps % (group * 10) == 0:
            loss = trainer.loss.item()
            if steps % (group * 100) == 0:
                log.append({"step": steps, "seconds": round(now - first, 1), "loss": round(loss, 4), "chunks": trainer.pool.drawn})
                report(f"step {steps}  {(time.time() - last) / group * 10:.1f} ms  loss {loss:.4f}  chunks {trainer.pool.drawn}")
                last = time.time()
        if samples and time.time() - evaluated > args.evaluate_every:
            scores = scoring.evaluate(trainer.network, words, samples, args.device)
            log.append({"step": steps, "seconds": round(now - first, 1), "scores": {k: v | {"wrong": []} for k, v in scores.items()}})
            report(f"step {steps}: " + scoring.table(scores))
            save(args, trainer.network, words.family, log)
            last = evaluated = time.time()
    log.append({"steps": steps, "seconds": round(time.time() - first, 1), "pictures": trainer.pool.drawn * PICTURES})
    return log


def save(args, network, family: str, log) -> None:
    half = {name: value.detach().half().contiguous().cpu() for name, value in network.state_dict().items()}
    save_file(half, args.out / f"{family}.safetensors")
    (args.out / f"{family}.json").write_text(json.dumps(log, ensure_ascii=False, indent=1))


def guarded(*args) -> None:
    try:
        train(*args)
    except Exception:
        print(f"{args[5]} failed\n{traceback.format_exc()}", flush=True)


def main() -> None:
    args, began = arguments(), time.time()
    args.out.mkdir(parents=True, exist_ok=True)
    source = Source(args.models, args.workers, args.chunk, PRESETS if args.presets else MIXED)
    samples = scoring.Held(60, scoring.INTERMEDIATE) if args.seconds > args.evaluate_every else None
    held = scoring.Held(args.scenes) if args.scenes else None
    print(f"{(source.numbers >= 0).sum()} chunks and the held-out scenes after {time.time() - began:.0f} s", flush=True)
    context = multiprocessing.get_context("fork")
    jobs = [
        context.Process(target=guarded, args=(args, began, source, samples, held, family))
        for family in args.families
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    source.stop()


if __name__ == "__main__":
    main()
