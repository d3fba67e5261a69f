"""How the parts of the model are joined: worked out by hand, or beside the same made of timm's own blocks."""

from copy import deepcopy

import timm
import torch
from timm.models.vision_transformer import Attention, Block, VisionTransformer
from torch.nn import functional as F

from dermimit.model import ModelConfig, build
from dermimit.model.attention import attend, block_with_queries_and_keys
from dermimit.model.zoom import crop, zoom_box


def test_attention_weights_are_dropped_in_training_alone():
    torch.manual_seed(0)
    attention, x = Attention(24, num_heads=3, attn_drop=0.5), torch.randn(2, 17, 24)
    attention.eval()
    q, k, v = attention.qkv(x).unflatten(-1, (3, 3, 8)).permute(2, 0, 3, 1, 4)
    found = ((q @ k.transpose(-2, -1) / 8**0.5).softmax(-1) @ v).transpose(1, 2).flatten(2)
    torch.testing.assert_close(attend(attention, x)[0], attention.proj(found), atol=1e-6, rtol=0)
    block = Block(24, num_heads=3, attn_drop=0.5).eval()
    torch.testing.assert_close(block_with_queries_and_keys(block, x)[0], block(x), atol=1e-6, rtol=0)
    assert not torch.equal(attend(attention.train(), x)[0], attend(attention, x)[0])


def test_the_selected_patches_of_a_pooling_backbone_pass_its_last_norm():
    torch.manual_seed(0)
    vit = VisionTransformer(img_size=32, patch_size=8, embed_dim=24, depth=2, num_heads=3, num_classes=0,
                            global_pool="avg", class_token=False, fc_norm=True).eval()  # fmt: skip
    torch.nn.init.normal_(vit.fc_norm.weight)
    torch.nn.init.normal_(vit.fc_norm.bias)
    whole, images = deepcopy(vit), torch.randn(2, 3, 32, 32)
    model = build(vit, 3, ModelConfig(lsm_k=4, selection="centre", fusion="none", head_depth=1)).eval()
    _, out = model(images)
    tokens = whole.fc_norm(whole.forward_features(images))  # patches alone: there is no class token
    expected = torch.stack([row[chosen] for row, chosen in zip(tokens, out["disease/selected"], strict=True)])
    torch.testing.assert_close(out["disease/local_tokens"], expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(
        out["disease/class_token"], whole.fc_norm(whole.forward_features(images).mean(1)), atol=1e-5, rtol=0
    )


def test_a_pooling_head_scores_the_layer_that_is_asked_for():
    def scores(layer, depth):
        torch.manual_seed(0)
        vit = VisionTransformer(img_size=32, patch_size=8, embed_dim=24, depth=3, num_heads=3, num_classes=0,
                                global_pool="avg", fc_norm=False)  # fmt: skip
        for parameter in vit.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
        config = ModelConfig(lsm_k=4, fusion="none", head_depth=depth, lsm_layer=layer)
        images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
        return build(vit, 3, config).eval()(images)[1]["disease/scores"]

    # the last of two blocks of a head is the only block of a head of one
    torch.testing.assert_close(scores(-1, depth=2), scores(-1, depth=1))
    assert (scores(-2, depth=2) - scores(-1, depth=2)).abs().max() > 1e-4


def small_zoom(**choices):
    torch.manual_seed(0)
    vit = VisionTransformer(img_size=32, patch_size=8, embed_dim=24, depth=3, num_heads=3, num_classes=0)
    return build(vit, {"body_part": 5, "attributes": 7, "disease": 11}, ModelConfig(lsm_k=4, **choices)).eval()


def test_logits_before_the_interaction_are_those_of_both_looks():
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    model, plain = small_zoom(zoom=True, fusion="cim"), small_zoom(fusion="cim")
    plain.load_state_dict(model.state_dict())
    _, out = model(images)
    first, second = plain(images)[1], plain(crop(images, out["box"]))[1]
    for task in model.tasks:
        name = f"{task}/logits_before"
        torch.testing.assert_close(out[name], (first[name] + second[name]) / 2, atol=1e-6, rtol=0)
        assert (first[name] - second[name]).abs().max() > 1e-4  # the looks differ


def test_the_disease_chooses_where_to_look_and_not_the_attributes():
    images = torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    model = small_zoom(zoom=True, fusion="cim")
    for task, head in model.heads.items():  # heads begin as copies, which choose alike
        for parameter in head.parameters():
            torch.nn.init.normal_(parameter, std=1.0, generator=torch.Generator().manual_seed(len(task)))
    _, out = model(images)
    boxes = {task: zoom_box(out[f"{task}/scores"], (4, 4), model.config.zoom_threshold) for task in model.heads
             if f"{task}/scores" in out}  # fmt: skip
    assert not torch.equal(boxes["disease"], boxes["attributes"])
    assert torch.equal(out["box"], boxes["disease"]) and model.zoom_task == "disease"


def test_the_grid_of_a_backbone_is_that_of_its_last_feature_map():
    import dermimit.model  # noqa: F401  (registers the builders)

    model = timm.create_model("baseline", backbone="resnet10t", img_size=(40, 72), num_classes=2).eval()
    features = timm.create_model("resnet10t", features_only=True).eval()(torch.zeros(1, 3, 40, 72))[-1]
    assert model.grid_size == tuple(features.shape[-2:]) == (2, 3)


def test_a_wide_concatenation_stands_between_the_features_and_the_classifiers():
    model = small_zoom(fusion="concat", concat_hidden=10)
    for parameter in model.mixing.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    logits, out = model(images)
    parts = []
    for task in model.tasks:  # class token, and the mean of the selected patches where there are any
        local = out.get(f"{task}/local_tokens")
        parts += [out[f"{task}/class_token"]] + ([] if local is None else [local.mean(1)])
    x, mixing = torch.cat(parts, dim=1), model.mixing
    normed = (x - x.mean(1, keepdim=True)) / (x.var(1, keepdim=True, unbiased=False) + 1e-5).sqrt()
    hidden = F.gelu((normed * mixing.norm.weight + mixing.norm.bias) @ mixing.grow.weight.T + mixing.grow.bias)
    y = x + hidden @ mixing.shrink.weight.T + mixing.shrink.bias
    for task in model.tasks:
        torch.testing.assert_close(out[f"{task}/enhanced"], y, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(logits[task], model.classifiers_after[task](y), atol=1e-5, rtol=1e-5)


def test_each_task_answers_from_its_own_class_token():
    torch.manual_seed(0)
    vit = VisionTransformer(img_size=32, patch_size=8, embed_dim=24, depth=2, num_heads=3, num_classes=0, reg_tokens=2)
    torch.nn.init.normal_(vit.reg_token)
    tasks = {"body_part": 5, "attributes": 7, "disease": 11}
    model = build(vit, tasks, ModelConfig(lsm=False, fusion="none", class_tokens="per_task", head_depth=1)).eval()
    images = torch.randn(2, 3, 32, 32)
    _, out = model(images)
    for place, task in enumerate(tasks):  # the whole block on all tokens, by timm
        head = model.heads[task]
        whole = head.norm(head.blocks[0](out["tokens"]))
        torch.testing.assert_close(out[f"{task}/class_token"], whole[:, place], atol=1e-5, rtol=0)
    assert (out["disease/class_token"] - out["body_part/class_token"]).abs().max() > 1e-3


def test_a_model_with_shuffled_interaction_reads_the_photograph_before_and_no_other_model_does():
    images = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    other = images.clone()
    other[2] = -images[2]  # the one before the first, and before no other
    for shuffled in (True, False):
        model = small_zoom(fusion="cim", cim_shuffled=shuffled)
        moved = (model(images)[0]["disease"] - model(other)[0]["disease"]).abs().amax(1)
        assert (moved[0] > 1e-6) == shuffled and moved[1] < 1e-6 < moved[2]
