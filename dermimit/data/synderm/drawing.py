"""The two drawings side by side: which functions make a picture of version 3, and which of version 4."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dermimit.data.synderm import (
    camera,
    camera_4,
    canvas,
    compose,
    compose_4,
    confounders,
    framing,
    framing_4,
    lesions,
    lesions_4,
    outlines,
    pigments,
    pigments_4,
    skin_4,
    surfaces,
    surfaces_4,
)  # fmt: skip


@dataclass(frozen=True)
class Drawing:
    """The steps of a picture, with the same arguments in both versions; the class of its camera; usual confounders."""

    view: Callable[..., Any]
    look: Callable[..., Any]
    shot: Callable[..., Any]
    canvas: Callable[..., Any]
    elements: Callable[..., Any]
    pigments: Callable[..., Any]
    surfaces: Callable[..., Any]
    umbilicate: Callable[..., Any]
    compose: Callable[..., Any]
    expose: Callable[..., Any]
    camera: type[camera.Shot]
    usual: Mapping[str, float]


DRAWINGS = {
    3: Drawing(
        framing.draw_view, compose.Look.draw, camera.draw_shot, canvas.Canvas, lesions.draw_elements,
        pigments.draw_pigments, surfaces.draw_surfaces, lesions.umbilicate, compose.compose, camera.expose, camera.Shot,
        confounders.USUAL,
    ),
    4: Drawing(
        framing_4.draw_view, skin_4.Person.draw, camera_4.draw_shot, outlines.NaturalCanvas, lesions_4.draw_elements,
        pigments_4.draw_pigments, surfaces_4.draw_surfaces, lesions_4.umbilicate, compose_4.compose, camera_4.expose,
        camera_4.Shot4, confounders.USUAL_4,
    ),
}  # fmt: skip
