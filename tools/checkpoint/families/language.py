"""The language models, Llama and OPT, over packed rows. Names are the published ones."""

import torch
import torch.nn.functional as F
from torch import nn

WIDTH, HEADS, HEAD = 256, 4, 64


def embed(weight, ids):
    """A lookup as a product: the backward pass of a lookup collides thousands of times."""
    if ids.device.type == "cpu":
        return F.embedding(ids, weight)
    dtype = torch.bfloat16 if torch.is_autocast_enabled() else weight.dtype
    return F.one_hot(ids, len(weight)).to(dtype) @ weight.to(dtype)


def heads_of(x, count):
    return x.view(*x.shape[:2], count, HEAD).transpose(1, 2)


class RmsNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x):
        x = x.float()
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * self.weight


class LoraLinear(nn.Module):
    """A map without constants and its low-rank change beside it."""

    def __init__(self, inputs: int, outputs: int, rank: int, alpha: float):
        super().__init__()
        self.base = nn.Linear(inputs, outputs, bias=False)
        self.lora_A, self.lora_B = nn.Linear(inputs, rank, bias=False), nn.Linear(rank, outputs, bias=False)
        self.scale = alpha / rank

    def forward(self, x):
        return self.base(x) + self.lora_B(self.lora_A(x)) * self.scale


class LlamaLayer(nn.Module):
    def __init__(self, ffn: int, kv_heads: int, lora):
        super().__init__()
        self.kv_heads = kv_heads
        dense = lambda i, o: nn.Linear(i, o, bias=False)
        changed = (lambda i, o: LoraLinear(i, o, *lora)) if lora else dense
        self.self_attn = nn.ModuleDict(
            {
                "q_proj": changed(WIDTH, HEADS * HEAD),
                "k_proj": dense(WIDTH, kv_heads * HEAD),
                "v_proj": changed(WIDTH, kv_heads * HEAD),
                "o_proj": dense(HEADS * HEAD, WIDTH),
            }
        )
        self.mlp = nn.ModuleDict(
            {"gate_proj": dense(WIDTH, ffn), "up_proj": dense(WIDTH, ffn), "down_proj": dense(ffn, WIDTH)}
        )
        self.input_layernorm, self.post_attention_layernorm = RmsNorm(), RmsNorm()

    def forward(self, x, cos, sin, mask):
        a, m = self.self_attn, self.mlp
        h = self.input_layernorm(x)
        v = heads_of(a["v_proj"](h), self.kv_heads)
        q = rotate(heads_of(a["q_proj"](h), HEADS), cos, sin).to(v.dtype)
        k = rotate(heads_of(a["k_proj"](h), self.kv_heads), cos, sin).to(v.dtype)
        k, v = (t.repeat_interleave(HEADS // self.kv_heads, dim=1) for t in (k, v))
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask.to(v.dtype))
        x = x + a["o_proj"](mixed.transpose(1, 2).flatten(2))
        h = self.post_attention_layernorm(x)
        return x + m["down_proj"](F.silu(m["gate_proj"](h)) * m["up_proj"](h))


def rotate(x, cos, sin):
    first, second = x.float().chunk(2, dim=-1)
    return x.float() * cos + torch.cat((-second, first), dim=-1) * sin


class Llama(nn.Module):
    """`model.*` and `lm_head`, with an untied head."""

    def __init__(self, vocabulary: int, layers: int, ffn: int, kv_heads: int, lora=None):
        super().__init__()
        self.model = nn.ModuleDict(
            {
                "embed_tokens": nn.Embedding(vocabulary, WIDTH),
                "layers": nn.ModuleList(LlamaLayer(ffn, kv_heads, lora) for _ in range(layers)),
                "norm": RmsNorm(),
            }
        )
        self.lm_head = nn.Linear(WIDTH, vocabulary, bias=False)

    def embed(self, ids):
        return embed(self.model["embed_tokens"].weight, ids)

    def forward(self, x, positions, mask):
        frequency = 10000.0 ** (-torch.arange(HEAD // 2, device=x.device) * 2 / HEAD)
        angle = (positions[..., None] * frequency).repeat(1, 1, 2)[:, None]
        cos, sin = angle.cos(), angle.sin()
        for layer in self.model["layers"]:
            x = layer(x, cos, sin, mask)
        return self.model["norm"](x)

    def logits(self, hidden):
        return self.lm_head(hidden)


class OptLayer(nn.Module):
    def __init__(self, ffn: int):
        super().__init__()
        names = ("q_proj", "k_proj", "v_proj", "out_proj")
        self.self_attn = nn.ModuleDict({name: nn.Linear(WIDTH, WIDTH) for name in names})
        self.self_attn_layer_norm, self.final_layer_norm = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.fc1, self.fc2 = nn.Linear(WIDTH, ffn), nn.Linear(ffn, WIDTH)

    def forward(self, x, mask):
        a = self.self_attn
        h = self.self_attn_layer_norm(x)
        q, k, v = (heads_of(a[name](h), HEADS) for name in ("q_proj", "k_proj", "v_proj"))
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask.to(v.dtype))
        x = x + a["out_proj"](mixed.transpose(1, 2).flatten(2))
        return x + self.fc2(F.relu(self.fc1(self.final_layer_norm(x))))


class Opt(nn.Module):
    """`model.decoder.*`; the head is the table of embeddings, positions are learned and begin at 2."""

    def __init__(self, vocabulary: int, layers: int, ffn: int, positions: int):
        super().__init__()
        self.model = nn.ModuleDict(
            {
                "decoder": nn.ModuleDict(
                    {
                        "embed_tokens": nn.Embedding(vocabulary, WIDTH),
                        "embed_positions": nn.Embedding(positions + 2, WIDTH),
                        "layers": nn.ModuleList(OptLayer(ffn) for _ in range(layers)),
                        "final_layer_norm": nn.LayerNorm(WIDTH),
                    }
                )
            }
        )

    def embed(self, ids):
        return embed(self.model["decoder"]["embed_tokens"].weight, ids)

    def forward(self, x, positions, mask):
        decoder = self.model["decoder"]
        x = x + embed(decoder["embed_positions"].weight, positions + 2)
        for layer in decoder["layers"]:
            x = layer(x, mask)
        return decoder["final_layer_norm"](x)

    def logits(self, hidden):
        return F.linear(hidden, self.model["decoder"]["embed_tokens"].weight)
