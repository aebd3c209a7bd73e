"""Qwen3-VL in plain PyTorch with static shapes, for fast training.

The parameters bear the names of the published checkpoints, so `state_dict` is the file. Differences to the
reference are of form only: every picture is padded to `SLOTS` visual tokens, attention over all pictures of a
batch is one call, and one sequence may hold several questions about the same picture (see `packing.py`).
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

PATCH = 16
MERGE = 2
SLOTS = 64
PATCHES = SLOTS * MERGE * MERGE


@dataclass(frozen=True)
class Config:
    vocabulary: int = 1024
    hidden: int = 256
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 64
    ffn: int = 576
    rope_theta: float = 10000.0
    mrope_section: tuple = (12, 10, 10)
    vision_hidden: int = 192
    vision_layers: int = 4
    vision_heads: int = 3
    vision_ffn: int = 544
    position_side: int = 16
    deepstack: tuple = (1, 2)


def rotate(x, cos, sin):
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


class VisionBlock(nn.Module):
    def __init__(self, c: Config):
        super().__init__()
        self.heads = c.vision_heads
        self.norm1 = nn.LayerNorm(c.vision_hidden, eps=1e-6)
        self.norm2 = nn.LayerNorm(c.vision_hidden, eps=1e-6)
        self.attn = nn.ModuleDict(
            {
                "qkv": nn.Linear(c.vision_hidden, 3 * c.vision_hidden),
                "proj": nn.Linear(c.vision_hidden, c.vision_hidden),
            }
        )
        self.mlp = nn.ModuleDict(
            {
                "linear_fc1": nn.Linear(c.vision_hidden, c.vision_ffn),
                "linear_fc2": nn.Linear(c.vision_ffn, c.vision_hidden),
            }
        )

    def forward(self, x, cos, sin, bias):
        b, n, width = x.shape
        qkv = self.attn["qkv"](self.norm1(x)).view(b, n, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        q, k = rotate(q.float(), cos, sin).to(v.dtype), rotate(k.float(), cos, sin).to(v.dtype)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(v.dtype))
        x = x + self.attn["proj"](mixed.transpose(1, 2).reshape(b, n, width))
        return x + self.mlp["linear_fc2"](F.gelu(self.mlp["linear_fc1"](self.norm2(x)), approximate="tanh"))


class Merger(nn.Module):
    """Joins 2x2 patches into one visual token; the deepstack mergers normalise after the join."""

    def __init__(self, c: Config, after_join: bool):
        super().__init__()
        wide = c.vision_hidden * MERGE * MERGE
        self.after_join, self.wide = after_join, wide
        self.norm = nn.LayerNorm(wide if after_join else c.vision_hidden, eps=1e-6)
        self.linear_fc1 = nn.Linear(wide, wide)
        self.linear_fc2 = nn.Linear(wide, c.hidden)

    def forward(self, x):
        joined = (x.shape[0], x.shape[1] // 4, self.wide)
        x = self.norm(x.reshape(joined)) if self.after_join else self.norm(x).reshape(joined)
        return self.linear_fc2(F.gelu(self.linear_fc1(x)))


class Vision(nn.Module):
    def __init__(self, c: Config):
        super().__init__()
        self.c = c
        self.patch_embed = nn.ModuleDict(
            {"proj": nn.Conv3d(3, c.vision_hidden, (2, PATCH, PATCH), stride=(2, PATCH, PATCH))}
        )
        self.pos_embed = nn.Embedding(c.position_side**2, c.vision_hidden)
        self.blocks = nn.ModuleList(VisionBlock(c) for _ in range(c.vision_layers))
        self.merger = Merger(c, after_join=False)
        self.deepstack_merger_list = nn.ModuleList(Merger(c, after_join=True) for _ in c.deepstack)

    def places(self, grid):
        """Row and column of every patch, in the order of the 2x2 joins."""
        token = torch.arange(SLOTS, device=grid.device).repeat_interleave(4)
        inner = torch.arange(PATCHES, device=grid.device) % 4
        width = grid[:, 1:2]
        return 2 * (token // width) + inner // 2, 2 * (token % width) + inner % 2

    def positions(self, grid, row, column):
        """The learned table, bilinearly stretched over the picture.

        Written as a product with hat functions: the backward pass is then a matrix product too, not a
        scatter with thousands of collisions.
        """
        side = self.c.position_side
        knots = torch.arange(side, device=grid.device)
        scale = (side - 1) / (2 * grid - 1).float()
        hats = [
            (1 - ((at * scale[:, axis : axis + 1])[..., None] - knots).abs()).clamp(min=0)
            for axis, at in enumerate((row, column))
        ]
        weight = (hats[0][..., :, None] * hats[1][..., None, :]).flatten(2)
        return weight @ self.pos_embed.weight

    def rotation(self, row, column):
        quarter = self.c.vision_hidden // self.c.vision_heads // 4
        frequency = 10000.0 ** (-torch.arange(quarter, device=row.device) / quarter)
        angle = torch.cat((row[..., None] * frequency, column[..., None] * frequency), dim=-1)
        angle = torch.cat((angle, angle), dim=-1)[:, None]
        return angle.cos(), angle.sin()

    def forward(self, patches, grid):
        """`patches` [B, PATCHES, 768] bytes and `grid` [B, 2] (rows and columns of tokens) to visual tokens and taps."""
        row, column = self.places(grid)
        # A still picture fills both frames of the kernel with the same pixels.
        kernel = self.patch_embed["proj"].weight.sum(2).flatten(1)
        x = F.linear(patches.float() / 127.5 - 1, kernel, self.patch_embed["proj"].bias) + self.positions(
            grid, row, column
        )
        cos, sin = self.rotation(row, column)
        used = torch.arange(PATCHES, device=grid.device) < (grid[:, 0] * grid[:, 1] * 4)[:, None]
        bias = (
            torch.zeros(used.shape, device=grid.device)
            .masked_fill(~used, -1e4)[:, None, None]
            .expand(-1, 1, PATCHES, -1)
        )
        taps = []
        for i, block in enumerate(self.blocks):
            x = block(x, cos, sin, bias)
            if i in self.c.deepstack:
                taps.append(self.deepstack_merger_list[self.c.deepstack.index(i)](x))
        return self.merger(x), taps


class RmsNorm(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        x = x.float()
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.weight


class TextLayer(nn.Module):
    def __init__(self, c: Config):
        super().__init__()
        self.c = c
        dense = lambda i, o: nn.Linear(i, o, bias=False)
        self.input_layernorm = RmsNorm(c.hidden)
        self.post_attention_layernorm = RmsNorm(c.hidden)
        self.self_attn = nn.ModuleDict(
            {
                "q_proj": dense(c.hidden, c.heads * c.head_dim),
                "k_proj": dense(c.hidden, c.kv_heads * c.head_dim),
                "v_proj": dense(c.hidden, c.kv_heads * c.head_dim),
                "o_proj": dense(c.heads * c.head_dim, c.hidden),
                "q_norm": RmsNorm(c.head_dim),
                "k_norm": RmsNorm(c.head_dim),
            }
        )
        self.mlp = nn.ModuleDict(
            {
                "gate_proj": dense(c.hidden, c.ffn),
                "up_proj": dense(c.hidden, c.ffn),
                "down_proj": dense(c.ffn, c.hidden),
            }
        )

    def forward(self, x, cos, sin, bias, cache=None):
        """`cache` is a list with the keys and values so far, or an empty one; new ones are put in."""
        c, a, m = self.c, self.self_attn, self.mlp
        b, n, _ = x.shape
        h = self.input_layernorm(x)
        v = a["v_proj"](h).view(b, n, c.kv_heads, c.head_dim).transpose(1, 2)
        q = rotate(a["q_norm"](a["q_proj"](h).view(b, n, c.heads, c.head_dim)).transpose(1, 2), cos, sin).to(v.dtype)
        k = rotate(a["k_norm"](a["k_proj"](h).view(b, n, c.kv_heads, c.head_dim)).transpose(1, 2), cos, sin).to(v.dtype)
        if cache is not None:
            k, v = (torch.cat(pair, dim=2) for pair in zip(cache, (k, v))) if cache else (k, v)
            cache[:] = k, v
        k, v = (t.repeat_interleave(c.heads // c.kv_heads, dim=1) for t in (k, v))
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(v.dtype))
        x = x + a["o_proj"](mixed.transpose(1, 2).reshape(b, n, -1))
        h = self.post_attention_layernorm(x)
        return x + m["down_proj"](F.silu(m["gate_proj"](h)) * m["up_proj"](h))


class Text(nn.Module):
    def __init__(self, c: Config):
        super().__init__()
        self.c = c
        self.embed_tokens = nn.Embedding(c.vocabulary, c.hidden)
        self.layers = nn.ModuleList(TextLayer(c) for _ in range(c.layers))
        self.norm = RmsNorm(c.hidden)
        axis = [0] * (c.head_dim // 2)
        for which in (1, 2):
            for j in range(which, c.mrope_section[which] * 3, 3):
                axis[j] = which
        self.register_buffer("axis", torch.tensor(axis), persistent=False)

    def embed(self, ids):
        """A lookup as a product, for the sake of its backward pass: the ids collide by the thousand."""
        if ids.device.type == "cpu":
            return self.embed_tokens(ids.long())
        hot = F.one_hot(ids.long(), self.c.vocabulary).to(
            torch.bfloat16 if torch.is_autocast_enabled() else torch.float32
        )
        return hot @ self.embed_tokens.weight.to(hot.dtype)

    def rotation(self, positions):
        """Interleaved M-RoPE of positions [B, 3, T]: every third frequency turns with the row, the next with the column."""
        half = self.c.head_dim // 2
        frequency = self.c.rope_theta ** (-torch.arange(half, device=positions.device) / half)
        chosen = positions[:, self.axis].transpose(1, 2)
        angle = chosen * frequency
        angle = torch.cat((angle, angle), dim=-1)[:, None]
        return angle.cos(), angle.sin()

    def forward(self, x, positions, allowed, taps=(), caches=None):
        """`taps` are visual features, already spread over the sequence, one for each of the first layers."""
        cos, sin = self.rotation(positions)
        bias = torch.zeros(allowed.shape, device=x.device, dtype=x.dtype).masked_fill(~allowed, -1e4)[:, None]
        for i, layer in enumerate(self.layers):
            x = layer(x, cos, sin, bias, caches[i] if caches else None)
            if i < len(taps):
                x = x + taps[i]
        return self.norm(x)


class Qwen3Vl(nn.Module):
    def __init__(self, c: Config = Config()):
        super().__init__()
        self.c = c
        self.model = nn.ModuleDict({"visual": Vision(c), "language_model": Text(c)})
        self.reset()

    def reset(self):
        for name, p in self.named_parameters():
            if p.dim() < 2:
                nn.init.zeros_(p) if name.endswith("bias") else nn.init.ones_(p)
            elif "embed_tokens" in name or "pos_embed" in name:
                nn.init.normal_(p, std=0.02)
            else:
                std = 1 / math.sqrt(p[0].numel())
                last = (
                    name.split(".")[-2] in ("o_proj", "down_proj", "proj")
                    and "patch" not in name
                    or "blocks" in name
                    and "fc2" in name
                )
                nn.init.trunc_normal_(p, std=std * (0.35 if last else 1.0))

    def hidden(self, batch, visual, taps, caches=None):
        """The text network over the slots of a packed batch (see `packing.Batch`); returns the last `text` slots."""
        text = self.model["language_model"]
        parts, spread = [], [[] for _ in taps]
        for kind, value in batch.parts():
            parts.append(visual[value] if kind == "picture" else text.embed(value))
            for tap, rows in zip(taps, spread):
                rows.append(tap[value] if kind == "picture" else torch.zeros_like(parts[-1]))
        x = torch.cat([part.float() for part in parts], dim=1)
        taps = [torch.cat([row.float() for row in rows], dim=1) for rows in spread]
        return text(x, batch.positions(), batch.allowed(), taps, caches)[:, -batch.text.shape[1] :]

    def logits(self, hidden):
        return F.linear(hidden, self.model["language_model"].embed_tokens.weight)
