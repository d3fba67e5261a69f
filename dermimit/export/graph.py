"""The trained model as one graph with knobs: which patches and how many, switches, and concepts set by hand."""

from copy import deepcopy

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from dermimit.export.signature import INPUTS, OUTPUTS
from dermimit.model.cross_interaction import CrossBlock
from dermimit.model.dermimitformer import DermImitFormer
from dermimit.model.lesion_selection import LesionSelection
from dermimit.model.zoom import ZoomDermImitFormer
from dermimit.tasks import SELECTING_TASKS, TASKS

CONCEPTS = ("body_part", "attributes")
CERTAIN = 0.01  # a concept set to 0 or 1 gets this probability, or its complement, unless the model is surer


class Explorable(nn.Module):
    """A trained DermImitFormer whose choices are inputs. With the usual inputs it gives the model's own numbers.

    Number of patches. The heads compute the tokens of all N patches, ranked by score; a token past rank k is left out
    of every mean, maximum and attention. So k patches give what the same weights give in a model with `lsm_k=k`.

    Which patches. Scores set by hand take the place of the attention's: random numbers choose patches at random,
    nearness to the centre the central ones. The k best are read, as before; the scores given out stay the attention's.

    Switches. Without LSM nothing is selected: all N patches are read, as with k = N. Without CIM the answer is that of
    the classifiers before the interaction.

    Concepts set by hand. A task's classifier before the interaction reads features r (class token, pooled lesion
    tokens) and says z = W r + w. A hand-set concept moves z by Δz, from the model's belief to the set one; every other
    attribute keeps its logit, and the other body parts share what is left in the old proportions. Features move by

        Δr = Wᵀ (W Wᵀ)⁻¹ Δz,

    the least change with which the task itself would say so. The moved tokens are what *other* tasks read through the
    CIM; the task's own answer is left as it was. So a concept set to the model's own belief before the interaction
    changes nothing, and without CIM no concept does. No table of diseases and signs from outside enters.

    Args:
        model: fusion "cim" with selection "lsm", both classifiers trained; it is copied.

    Attributes:
        input_names, output_names: in the order of the file.
        per_photo: inputs with one entry for each photograph.

    Raises:
        ValueError: another kind of model; says which and what to train instead.

    Differs from the paper: it has no such interface; all of this is ours.
    """

    tasks = TASKS
    several = frozenset({"attributes"})
    input_names, output_names = INPUTS, OUTPUTS
    per_photo = ("image", "override_attributes", "override_body_part", "override_scores")

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        check_explorable(model)
        self.model = deepcopy(model).eval()
        self.num_patches = model.grid_size[0] * model.grid_size[1]
        self.k = model.config.lsm_k
        for head in self.model.heads.values():
            if head.selection is not None:
                head.selection.k = self.num_patches  # all of them, best first
        for task in CONCEPTS:
            weight = model.classifiers_before[task].weight.detach()
            self.register_buffer(f"edit_{task}", edit(weight, exclusive=task == "body_part"))

    def forward(
        self,
        image: Float[Tensor, "batch 3 height width"],
        k: Int[Tensor, ""],
        lsm_on: Bool[Tensor, ""],
        cim_on: Bool[Tensor, ""],
        override_attributes: Float[Tensor, "batch attributes"],
        override_body_part: Float[Tensor, "batch body_parts"],
        override_scores: Float[Tensor, "batch patches"],
    ) -> dict[str, Tensor]:
        """Answers and where they were read.

        Args:
            image: normalised as for training.
            k: number of patches, 1 to N.
            lsm_on, cim_on: switches.
            override_attributes, override_body_part: probability of each class as set by hand, NaN where it is not.
            override_scores: score of each patch as set by hand, for every selecting task alike, NaN where it is not.

        Returns:
            for each task `<task>_before` and `<task>` (B, C), probabilities before and after the interaction; for each
            selecting task `<task>_scores` (B, N) and `<task>_ranked` (B, N), row-major patches, best first: the
            selected ones are the first k.
        """
        out = self._ranked_anew(self.model.forward_features(image), override_scores)
        read = torch.where(lsm_on, k, torch.full_like(k, self.num_patches))
        chosen = torch.arange(self.num_patches, device=image.device) < read
        tokens = {task: self.model.task_tokens(out, task) for task in TASKS}
        own = {task: self._readout(tokens[task], chosen) for task in TASKS}
        before = {task: self.model.classifiers_before[task](own[task]) for task in TASKS}
        overrides = {"attributes": override_attributes, "body_part": override_body_part}
        told = tokens | {t: self._told(tokens[t], before[t], overrides[t], t) for t in CONCEPTS}
        heard = self._interact(tokens, told, chosen)
        features = {task: torch.cat([own[task], *heard.get(task, [])], dim=-1) for task in TASKS}
        answers = {}
        for task in TASKS:
            after = self.model.classifiers_after[task](features[task])
            answers[f"{task}_before"] = probability(before[task], task)
            answers[task] = probability(torch.where(cim_on, after, before[task]), task)
        for task in SELECTING_TASKS:
            answers |= {f"{task}_scores": out[f"{task}/scores"], f"{task}_ranked": out[f"{task}/selected"]}
        return answers

    def usual(self, images: Tensor) -> tuple[Tensor, ...]:
        """The inputs with which the graph is the model: the trained K, both switches on, nothing set by hand."""
        nothing = {task: images.new_full((len(images), self.model.num_classes[task]), torch.nan) for task in CONCEPTS}
        switches = torch.tensor(True), torch.tensor(True)  # two: a tensor given twice becomes one input when exported
        scores = images.new_full((len(images), self.num_patches), torch.nan)
        return images, torch.tensor(self.k), *switches, nothing["attributes"], nothing["body_part"], scores

    def _ranked_anew(self, out: dict[str, Tensor], override: Tensor) -> dict[str, Tensor]:
        """Selected patches and their tokens in the order of the scores set by hand, or as they were."""
        for task in SELECTING_TASKS:
            scores, selected, tokens = (out[f"{task}/{what}"] for what in ("scores", "selected", "local_tokens"))
            order = torch.where(override.isnan(), scores, override).topk(self.num_patches, dim=-1).indices
            place = selected.argsort(dim=-1).gather(1, order)  # of each patch among the tokens
            out |= {f"{task}/selected": order, f"{task}/local_tokens": LesionSelection.gather(tokens, place)}
        return out

    def _told(self, tokens: Tensor, logits: Tensor, override: Tensor, task: str) -> Tensor:
        """What other tasks read of a concept task: its tokens, moved to say what was set by hand."""
        shift = logit_shift(logits, override, task) @ getattr(self, f"edit_{task}").T
        dim = tokens.shape[-1]
        if tokens.shape[1] == 1:
            return tokens + shift[:, None]
        return torch.cat([tokens[:, :1] + shift[:, None, :dim], tokens[:, 1:] + shift[:, None, dim:]], dim=1)

    def _interact(self, asking: dict[str, Tensor], answering: dict[str, Tensor], chosen: Tensor) -> dict[str, list]:
        """Pooled features that each task hears from the tasks it asks."""
        heard: dict[str, list[Tensor]] = {}
        interaction = self.model.interaction
        for task, other in interaction.pairs:
            x = asking[task][:, :1] if interaction.queries == "class" else asking[task]
            for block in interaction.blocks[f"{task}_from_{other}"]:
                x = masked_cross_block(block, x, answering[other], chosen)
            heard.setdefault(task, []).append(self._readout(x, chosen))
        return heard

    def _readout(self, tokens: Float[Tensor, "batch tokens dim"], chosen: Bool[Tensor, " patches"]) -> Tensor:
        """As the model's own, over the chosen ranks alone."""
        if tokens.shape[1] == 1:
            return tokens[:, 0]
        local, kept = tokens[:, 1:], chosen[:, None]
        if self.model.config.local_readout == "mean":
            pooled = torch.where(kept, local, 0.0).sum(dim=1) / chosen.sum().to(local.dtype)
        else:
            pooled = torch.where(kept, local, torch.finfo(local.dtype).min).amax(dim=1)
        return torch.cat([tokens[:, 0], pooled], dim=-1)


def check_explorable(model: nn.Module) -> None:
    """Refuse what the graph does not stand for.

    Raises:
        ValueError: says what the model is and what to train instead.
    """
    if not isinstance(model, DermImitFormer) or isinstance(model, ZoomDermImitFormer):
        raise ValueError(f"export: the model is a {type(model).__name__}; train a DermImitFormer without zoom")
    if model.tasks != TASKS:
        raise ValueError(f"export: the model has the tasks {', '.join(model.tasks)}; train all of {', '.join(TASKS)}")
    if model.config.fusion != "cim":
        raise ValueError(f"export: the model has fusion={model.config.fusion!r}; train one with fusion='cim'")
    if model.config.cim_shuffled:
        raise ValueError("export: with cim_shuffled an answer depends on the other photographs of a batch; train "
                         "without it")  # fmt: skip
    selections = [model.heads[task].selection for task in SELECTING_TASKS]
    if not all(isinstance(s, LesionSelection) and not s.reads_all_layers for s in selections):
        raise ValueError("export: the patches are not scored by one layer's attention; train with lsm=True, "
                         "selection='lsm' and an lsm_score other than 'rollout'")  # fmt: skip


def edit(weight: Float[Tensor, "classes features"], exclusive: bool) -> Float[Tensor, "features classes"]:
    """Wᵀ (W Wᵀ)⁻¹: least change of features per change of logits. Of exclusive classes only differences count."""
    w = weight.double()
    return torch.linalg.pinv(w - w.mean(dim=0) if exclusive else w, rtol=1e-9).to(weight.dtype)


def logit_shift(
    logits: Float[Tensor, "batch classes"], override: Float[Tensor, "batch classes"], task: str
) -> Float[Tensor, "batch classes"]:
    """Δz that takes the belief of `logits` to the probabilities set by hand; 0 where nothing is set.

    Attributes are set one by one. Body parts sum to 1: those not set share the rest as they did before.
    """
    p, known = probability(logits, task), ~override.isnan()
    low, high = p.clamp(max=CERTAIN), p.clamp(min=1 - CERTAIN)
    q = torch.where(known, override.nan_to_num(0.0), 0.0)
    q = torch.minimum(torch.maximum(q, low), high)
    if task == "attributes":
        return torch.where(known, q.logit(1e-7) - p.logit(1e-7), 0.0)
    some = known.any(dim=1, keepdim=True)
    taken = torch.where(known, q, 0.0).sum(dim=1, keepdim=True)
    free = torch.where(known, 0.0, p).sum(dim=1, keepdim=True)
    q = torch.where(known, q, p * (1 - taken).clamp(min=0.0) / free.clamp(min=1e-12)).clamp(min=1e-9)
    shift = q.log() - p.clamp(min=1e-9).log()
    return torch.where(some, shift - shift.mean(dim=1, keepdim=True), 0.0)


def masked_cross_block(
    block: CrossBlock,
    x: Float[Tensor, "batch asking dim"],
    y: Float[Tensor, "batch answering dim"],
    chosen: Bool[Tensor, " patches"],
) -> Float[Tensor, "batch asking dim"]:
    """`CrossBlock` over the class token and the chosen lesion tokens of y; over all of a y that is one token."""
    q, k, v = block.attn.queries_keys_values(block.norm_x(x), block.norm_y(y))
    weights = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
    if y.shape[1] > 1:
        weights = torch.where(F.pad(chosen, (1, 0), value=True), weights, torch.finfo(weights.dtype).min)
    out = weights.softmax(dim=-1) @ v
    x = x + block.attn.proj(out.transpose(1, 2).flatten(2))
    return x + block.mlp(block.norm_mlp(x))


def probability(logits: Tensor, task: str) -> Tensor:
    """A sigmoid for each attribute, a softmax over the classes of the other tasks."""
    return logits.sigmoid() if task == "attributes" else logits.softmax(dim=-1)
