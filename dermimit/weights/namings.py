"""Every naming that is read, with timm's name for each name."""

from dermimit.weights.naming import (
    Naming,
    bias_without_keys,
    clip_shapes,
    registers_after_positions,
)

WB = r"(weight|bias)"
TIMM_BLOCK = r"(norm[12]|attn\.qkv|attn\.proj|attn\.norm|attn\.[qk]_norm|mlp\.fc1(?:_[gx])?|mlp\.fc2|mlp\.norm)\." + WB
TIMM = (
    (r"(cls_token|pos_embed|reg_token)", r"\1"),
    (r"(patch_embed\.proj|patch_embed\.norm|norm_pre|norm|fc_norm|head)\." + WB, r"\1.\2"),
    (r"(attn_pool\..+)", r"\1"),
    (r"blocks\.(\d+)\." + TIMM_BLOCK, r"blocks.\1.\2.\3"),
    (r"blocks\.(\d+)\.ls([12])\.gamma", r"blocks.\1.ls\2.gamma"),
    (r"blocks\.(\d+)\.gamma_([12])", r"blocks.\1.ls\2.gamma"),
)
PATCHES = "patch_embed.proj.weight"
HF_PATCHES = "embeddings.patch_embeddings.projection.weight"
LAYER = r"encoder\.layer\.(\d+)\."
HF = (
    (r"embeddings\.cls_token", "cls_token"),
    (r"embeddings\.position_embeddings", "pos_embed"),
    (r"embeddings\.register_tokens", "reg_token"),
    (r"embeddings\.patch_embeddings\.projection\." + WB, r"patch_embed.proj.\1"),
    (r"layernorm\." + WB, r"norm.\1"),
    (LAYER + r"attention\.output\.dense\." + WB, r"blocks.\1.attn.proj.\2"),
)
HF_QKV = tuple(LAYER + rf"attention\.attention\.{part}\." + WB for part in ("query", "key", "value"))
RESBLOCK = r"transformer\.resblocks\.(\d+)\."
CLIP_LAYER = r"encoder\.layers\.(\d+)\."

NAMINGS = (
    Naming(
        "PanDerm's (as BEiT and CAE)",
        PATCHES,
        r"blocks\.\d+\.attn\.q_bias",
        (*TIMM, (r"blocks\.(\d+)\.attn\.([qv]_bias)", r"blocks.\1.attn.\2")),
        finish=bias_without_keys,
    ),
    Naming(
        "DINOv2's",
        PATCHES,
        r"register_tokens|blocks\.\d+\.\d+\..+|blocks\.\d+\.mlp\.w12\.weight",
        (
            *TIMM,
            ("register_tokens", "reg_token"),
            (r"blocks\.\d+\.(\d+)\." + TIMM_BLOCK, r"blocks.\1.\2.\3"),
            (r"blocks\.\d+\.(\d+)\.ls([12])\.gamma", r"blocks.\1.ls\2.gamma"),
            (r"blocks\.(?:\d+\.)?(\d+)\.mlp\.w12\." + WB, r"blocks.\1.mlp.fc1.\2"),
            (r"blocks\.(?:\d+\.)?(\d+)\.mlp\.w3\." + WB, r"blocks.\1.mlp.fc2.\2"),
        ),
        finish=registers_after_positions,
    ),
    Naming("timm's (DINOv2's and MAE's too)", PATCHES, renames=TIMM),
    Naming(
        "Hugging Face's ViT",
        HF_PATCHES,
        r"encoder\.layer\.\d+\.layernorm_before\.weight",
        (
            *HF,
            (LAYER + r"layernorm_before\." + WB, r"blocks.\1.norm1.\2"),
            (LAYER + r"layernorm_after\." + WB, r"blocks.\1.norm2.\2"),
            (LAYER + r"intermediate\.dense\." + WB, r"blocks.\1.mlp.fc1.\2"),
            (LAYER + r"output\.dense\." + WB, r"blocks.\1.mlp.fc2.\2"),
        ),
        HF_QKV,
    ),
    Naming(
        "Hugging Face's Dinov2",
        HF_PATCHES,
        r"encoder\.layer\.\d+\.layer_scale1\.lambda1",
        (
            *HF,
            (LAYER + r"(norm[12]|mlp\.fc[12])\." + WB, r"blocks.\1.\2.\3"),
            (LAYER + r"layer_scale([12])\.lambda1", r"blocks.\1.ls\2.gamma"),
            (LAYER + r"mlp\.weights_in\." + WB, r"blocks.\1.mlp.fc1.\2"),
            (LAYER + r"mlp\.weights_out\." + WB, r"blocks.\1.mlp.fc2.\2"),
        ),
        HF_QKV,
        registers_after_positions,
    ),
    Naming(
        "OpenCLIP's",
        "conv1.weight",
        "class_embedding",
        (
            ("class_embedding", "cls_token"),
            ("positional_embedding", "pos_embed"),
            (r"conv1\.weight", "patch_embed.proj.weight"),
            (r"ln_pre\." + WB, r"norm_pre.\1"),
            (r"ln_post\." + WB, r"norm.\1"),
            (RESBLOCK + r"ln_([12])\." + WB, r"blocks.\1.norm\2.\3"),
            (RESBLOCK + r"attn\.in_proj_" + WB, r"blocks.\1.attn.qkv.\2"),
            (RESBLOCK + r"attn\.out_proj\." + WB, r"blocks.\1.attn.proj.\2"),
            (RESBLOCK + r"mlp\.c_fc\." + WB, r"blocks.\1.mlp.fc1.\2"),
            (RESBLOCK + r"mlp\.c_proj\." + WB, r"blocks.\1.mlp.fc2.\2"),
        ),
        finish=clip_shapes,
    ),
    Naming(
        "Hugging Face's CLIP",
        "embeddings.patch_embedding.weight",
        r"embeddings\.class_embedding",
        (
            (r"embeddings\.class_embedding", "cls_token"),
            (r"embeddings\.position_embedding\.weight", "pos_embed"),
            (r"embeddings\.patch_embedding\.weight", "patch_embed.proj.weight"),
            (r"pre_layrnorm\." + WB, r"norm_pre.\1"),
            (r"post_layernorm\." + WB, r"norm.\1"),
            (CLIP_LAYER + r"layer_norm([12])\." + WB, r"blocks.\1.norm\2.\3"),
            (CLIP_LAYER + r"self_attn\.out_proj\." + WB, r"blocks.\1.attn.proj.\2"),
            (CLIP_LAYER + r"(mlp\.fc[12])\." + WB, r"blocks.\1.\2.\3"),
        ),
        tuple(CLIP_LAYER + rf"self_attn\.{part}_proj\." + WB for part in "qkv"),
        clip_shapes,
    ),
)
"""Every naming that is read, those that say more before those that say less."""
