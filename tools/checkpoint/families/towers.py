"""The vision towers: CLIP's (LLaVA) and EVA-CLIP's (BLIP-2, InstructBLIP, MiniGPT-v2), with pre-norm blocks."""

import torch
import torch.nn.functional as F
from torch import nn

from squares import MEAN, PATCH, PATCHES, PIXELS, STD

WIDTH, HEADS, BLOCKS = 192, 3, 4


def attend(q, k, v, heads, mask=None):
    """Attention of [B, n, width] over [B, m, width]."""
    split = lambda x: x.view(*x.shape[:2], heads, -1).transpose(1, 2)
    mixed = F.scaled_dot_product_attention(split(q), split(k), split(v), attn_mask=mask)
    return mixed.transpose(1, 2).flatten(2)


class Block(nn.Module):
    def __init__(self, ffn: int, eps: float, quick: bool):
        super().__init__()
        self.quick = quick
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH, eps=eps), nn.LayerNorm(WIDTH, eps=eps)
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.fc1, self.fc2 = nn.Linear(WIDTH, ffn), nn.Linear(ffn, WIDTH)

    def forward(self, x):
        x = x + self.proj(attend(*self.qkv(self.norm1(x)).chunk(3, dim=-1), HEADS))
        h = self.fc1(self.norm2(x))
        return x + self.fc2(h * torch.sigmoid(1.702 * h) if self.quick else F.gelu(h))


class Tower(nn.Module):
    """From bytes [B, PATCHES, PIXELS] to features of the class token and the patches [B, 1 + PATCHES, WIDTH]."""

    def __init__(self, kind: str, ffn: int):
        super().__init__()
        clip = kind == "clip"
        eps = 1e-5 if clip else 1e-6
        self.patch = nn.Linear(PIXELS, WIDTH, bias=not clip)
        self.cls = nn.Parameter(torch.randn(WIDTH) * 0.02)
        self.positions = nn.Parameter(torch.randn(1 + PATCHES, WIDTH) * 0.02)
        self.before = nn.LayerNorm(WIDTH, eps=eps) if clip else nn.Identity()
        self.blocks = nn.ModuleList(Block(ffn, eps, clip) for _ in range(BLOCKS))
        # LLaVA reads the last but one layer; MiniGPT-v2's norm is not trained and not in its file.
        norms = {"clip": nn.Identity(), "eva": nn.LayerNorm(WIDTH, eps=1e-6)}
        self.behind = norms.get(kind) or nn.LayerNorm(WIDTH, eps=1e-5, elementwise_affine=False)
        every = lambda values: torch.tensor(values).repeat_interleave(PATCH * PATCH)
        self.register_buffer("mean", every(MEAN), persistent=False)
        self.register_buffer("std", every(STD), persistent=False)

    def forward(self, patches):
        x = self.patch((patches.float() / 255 - self.mean) / self.std)
        x = torch.cat((self.cls.to(x.dtype).expand(len(x), 1, -1), x), dim=1) + self.positions
        x = self.before(x)
        for block in self.blocks:
            x = block(x)
        return self.behind(x)
