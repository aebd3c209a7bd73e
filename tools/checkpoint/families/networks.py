"""The four networks: a tower, what joins it to a language model, the language model, and the auxiliary heads."""

import math

import torch
import torch.nn.functional as F
from torch import nn

import rows
from language import WIDTH as TEXT_WIDTH
from language import Llama, Opt
from qformer import WIDTH as QUERY_WIDTH
from qformer import QFormer
from squares import NO_COLOUR, NO_KIND, RANKS
from towers import WIDTH, Tower

SHARED = 0
LORA = (8, 16.0)
JOINED = 4
OPT_POSITIONS = 256
SIZES = {
    "llava": {"tower": ("clip", 416), "text": {"vocabulary": 1008, "layers": 4, "ffn": 400, "kv_heads": 2}},
    "minigpt-v2": {"tower": ("minigpt", 448), "text": {"vocabulary": 1000, "layers": 4, "ffn": 448, "kv_heads": 2}},
    "blip2": {"tower": ("eva", 416), "qformer": 416, "text": {"vocabulary": 968, "layers": 3, "ffn": 440}},
    "instructblip": {
        "tower": ("eva", 320),
        "qformer": 224,
        "text": {"vocabulary": 1008, "layers": 3, "ffn": 288, "kv_heads": 2},
    },
}


class Heads(nn.Module):
    """What stands at a place: kind, colour, rank from the left, box. Serves the training alone."""

    def __init__(self, width: int):
        super().__init__()
        self.parts = (NO_KIND + 1, NO_COLOUR + 1, RANKS + 1)
        self.map = nn.Linear(width, sum(self.parts) + 4)

    def loss(self, x, labels):
        found, labels = self.map(x).float().flatten(0, 1), labels.flatten(0, 1).long()
        *classes, box = found.split((*self.parts, 4), dim=-1)
        there = (labels[:, 0] != NO_KIND).float()
        # Most patches are empty: things weigh four times as much.
        weight = (1 + 3 * there) / (1 + 3 * there).sum()
        total = sum(
            (F.cross_entropy(part, labels[:, i], reduction="none") * weight).sum() for i, part in enumerate(classes)
        )
        wrong = (box.sigmoid() - labels[:, 3:] / 255).abs().mean(-1)
        return total + 5 * (wrong * there).sum() / there.sum().clamp(min=1)


class Network(nn.Module):
    def __init__(self, family: str, connector_vocabulary: int | None = None):
        super().__init__()
        self.family, sizes = family, SIZES[family]
        self.tower = Tower(*sizes["tower"])
        self.aux = nn.ModuleDict({"patches": Heads(WIDTH)})
        if family == "llava":
            self.project = nn.Sequential(nn.Linear(WIDTH, TEXT_WIDTH), nn.GELU(), nn.Linear(TEXT_WIDTH, TEXT_WIDTH))
        elif family == "minigpt-v2":
            self.project = nn.Linear(JOINED * WIDTH, TEXT_WIDTH)
        else:
            self.query_tokens = nn.Parameter(torch.randn(1, rows.QUERIES[family], QUERY_WIDTH) * 0.5)
            self.qformer = QFormer(sizes["qformer"], connector_vocabulary)
            self.project = nn.Linear(QUERY_WIDTH, TEXT_WIDTH)
            self.aux["queries"] = Heads(QUERY_WIDTH)
        if family == "blip2":
            self.text = Opt(**sizes["text"], positions=OPT_POSITIONS)
        else:
            self.text = Llama(**sizes["text"], lora=LORA if family == "minigpt-v2" else None)
        self.reset()

    def reset(self):
        for name, p in self.named_parameters():
            if p.dim() != 2 or name == "tower.positions":
                continue
            if "lora_B" in name:
                nn.init.zeros_(p)
            elif "embed" in name:
                nn.init.normal_(p, std=0.02)
            else:
                last = any(part in name for part in ("o_proj", "down_proj", "out_proj", "proj.weight", "fc2"))
                last = last and "q_proj" not in name and "k_proj" not in name and "v_proj" not in name
                nn.init.trunc_normal_(p, std=(0.35 if last else 1.0) / math.sqrt(p.shape[1]))
        for name, p in self.named_parameters():
            if p.dim() == 1 and name.endswith("bias"):
                nn.init.zeros_(p)

    def visual(self, patches, connector=None):
        """The tower's features, what the queries found (or none), and the language model's visual tokens."""
        features = self.tower(patches)
        if self.family == "llava":
            return features, None, self.project(features[:, 1:])
        if self.family == "minigpt-v2":
            return features, None, self.project(features[:, 1:].reshape(len(features), -1, JOINED * WIDTH))
        queries = self.qformer(self.query_tokens, features, connector)
        return features, queries, self.project(queries)

    def hidden(self, before, visual, batch):
        """The states of the text slots of rows (see `rows.py`); `before` are the ids that stand before the picture."""
        ids, segment, position = batch["ids"].long(), batch["segment"], batch["position"].long()
        count, seen, ahead = len(ids), visual.shape[1], len(before)
        device = ids.device
        x = torch.cat((self.text.embed(before).expand(count, -1, -1).float(), visual.float(), self.text.embed(ids).float()), 1)
        if self.family == "instructblip":
            # Each question has visual tokens of its own.
            own = rows.QUERIES[self.family]
            slot = torch.arange(seen, device=device)
            first_segment, first_position = slot // own + 1, slot % own
        else:
            first_position = torch.arange(ahead + seen, device=device)
            first_segment = torch.zeros_like(first_position)
        segment = torch.cat((first_segment.expand(count, -1), segment.long()), dim=1)
        position = torch.cat((first_position.expand(count, -1), position), dim=1)
        slot = torch.arange(segment.shape[1], device=device)
        query, key = segment[:, :, None], segment[:, None, :]
        allowed = (slot[:, None] >= slot) & (key >= 0) & ((key == SHARED) | (key == query)) | (slot[:, None] == slot)
        dtype = torch.bfloat16 if torch.is_autocast_enabled() else x.dtype
        mask = torch.zeros(allowed.shape, device=device, dtype=dtype).masked_fill(~allowed, -1e4)[:, None]
        return self.text(x, position, mask)[:, ahead + seen :]

    def loss(self, before, batch, aux_weight):
        """The mean cross-entropy over answers, long ones weighing as the square root of their length."""
        features, queries, visual = self.visual(batch["patches"], batch.get("connector"))
        hidden = self.hidden(before, visual, batch).flatten(0, 1)
        target = batch["target"].flatten().long()
        each = F.cross_entropy(self.text.logits(hidden).float(), target.clamp(min=0), reduction="none")
        weight = (target >= 0) * batch["answer_length"].flatten().float().rsqrt()
        answers = (each * weight).sum() / weight.sum()
        return answers, answers + aux_weight * self.aux_loss(features, queries, batch)

    def aux_loss(self, features, queries, batch):
        loss = self.aux["patches"].loss(features[:, 1:], batch["at_patch"])
        if queries is None:
            return loss
        own = rows.QUERIES[self.family]
        count = min(own, RANKS)
        found = queries.view(len(features), -1, own, QUERY_WIDTH)
        labels = batch["of_thing"][:, None, :count].expand(-1, found.shape[1], -1, -1)
        return loss + self.aux["queries"].loss(found[:, :, :count].flatten(1, 2), labels.flatten(1, 2))
