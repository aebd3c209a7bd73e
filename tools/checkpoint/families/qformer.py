"""The Q-Former: learned queries look at a picture, in InstructBLIP with the prompt beside them. Names are the published ones."""

import torch
import torch.nn.functional as F
from torch import nn

from towers import WIDTH as FEATURES
from towers import attend

WIDTH, HEADS, LAYERS, CROSS_EVERY, EPS = 192, 3, 3, 2, 1e-12
MOST_WORDS = 128


class Attention(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.attention = nn.ModuleDict(
            {"query": nn.Linear(WIDTH, WIDTH), "key": nn.Linear(width, WIDTH), "value": nn.Linear(width, WIDTH)}
        )
        self.output = nn.ModuleDict({"dense": nn.Linear(WIDTH, WIDTH), "LayerNorm": nn.LayerNorm(WIDTH, eps=EPS)})

    def forward(self, x, seen, mask=None):
        a = self.attention
        found = attend(a["query"](x), a["key"](seen), a["value"](seen), HEADS, mask)
        return self.output["LayerNorm"](self.output["dense"](found) + x)


class Widen(nn.Module):
    def __init__(self, ffn: int):
        super().__init__()
        self.dense = nn.Linear(WIDTH, ffn)

    def forward(self, x):
        return F.gelu(self.dense(x))


class Narrow(nn.Module):
    def __init__(self, ffn: int):
        super().__init__()
        self.dense, self.LayerNorm = nn.Linear(ffn, WIDTH), nn.LayerNorm(WIDTH, eps=EPS)

    def forward(self, x, residual):
        return self.LayerNorm(self.dense(x) + residual)


class Layer(nn.Module):
    def __init__(self, ffn: int, looks: bool, reads: bool):
        super().__init__()
        self.attention = Attention(WIDTH)
        self.crossattention = Attention(FEATURES) if looks else None
        self.intermediate_query, self.output_query = Widen(ffn), Narrow(ffn)
        if reads:
            self.intermediate, self.output = Widen(ffn), Narrow(ffn)

    def forward(self, x, count, features, mask):
        x = self.attention(x, x, mask)
        queries, words = x[:, :count], x[:, count:]
        if self.crossattention is not None:
            # The questions of one picture look at it together: queries do not see each other here.
            together = queries.reshape(len(features), -1, WIDTH)
            queries = self.crossattention(together, features).view(queries.shape)
        queries = self.output_query(self.intermediate_query(queries), queries)
        if words.shape[1]:
            queries = torch.cat((queries, self.output(self.intermediate(words), words)), dim=1)
        return queries


class QFormer(nn.Module):
    """`queries` [1, n, WIDTH] lie beside it in a checkpoint."""

    def __init__(self, ffn: int, vocabulary: int | None):
        super().__init__()
        self.encoder = nn.ModuleDict(
            {"layer": nn.ModuleList(Layer(ffn, i % CROSS_EVERY == 0, vocabulary is not None) for i in range(LAYERS))}
        )
        if vocabulary is None:
            self.layernorm = nn.LayerNorm(WIDTH, eps=EPS)
        else:
            self.embeddings = nn.ModuleDict(
                {
                    "word_embeddings": nn.Embedding(vocabulary, WIDTH),
                    "position_embeddings": nn.Embedding(MOST_WORDS, WIDTH),
                    "layernorm": nn.LayerNorm(WIDTH, eps=EPS),
                }
            )

    def forward(self, query_tokens, features, ids=None):
        """Features [B, m, FEATURES] and, where it reads, ids [B, questions, words] (-1 is padding): what the queries
        found, [B, questions * n, WIDTH]."""
        pictures, count, mask = len(features), query_tokens.shape[1], None
        if ids is None:
            x = self.layernorm(query_tokens).expand(pictures, -1, -1)
        else:
            ids = ids.flatten(0, 1)
            hot = F.one_hot(ids.clamp(min=0).long(), self.embeddings["word_embeddings"].num_embeddings)
            weight = self.embeddings["word_embeddings"].weight
            words = hot.to(weight.dtype) @ weight + self.embeddings["position_embeddings"].weight[: ids.shape[1]]
            x = torch.cat((query_tokens.expand(len(ids), -1, -1), words), dim=1)
            x = self.embeddings["layernorm"](x)
            used = torch.cat((torch.ones_like(ids[:, :1]).expand(-1, count) >= 0, ids >= 0), dim=1)
            mask = torch.zeros(used.shape, device=ids.device, dtype=torch.bfloat16 if torch.is_autocast_enabled() else x.dtype)
            mask = mask.masked_fill(~used, -1e4)[:, None, None].expand(-1, 1, used.shape[1], -1)
        for layer in self.encoder["layer"]:
            x = layer(x, count, features, mask)
        return x[:, :count].reshape(pictures, -1, WIDTH)
