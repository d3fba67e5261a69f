"""How a run's answers are read: calibrated or as they are, all of them or the confident ones alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool

from dermimit.evaluate.selective import Rule, rule_for
from dermimit.evaluate.temperatures import at_temperature, known, labelled, stored_temperatures, temperatures
from dermimit.predict.photographs import Answers
from dermimit.train.run import Run


@dataclass(frozen=True)
class Reading:
    """How answers are read.

    Attributes:
        task: whose confidence decides.
        several: tasks with independent labels.
        temperatures: of the tasks that are calibrated.
        rule: which answers are given; all without it.
        notes: what was not done, and why.
    """

    task: str
    several: tuple[str, ...]
    temperatures: Mapping[str, float] = field(default_factory=dict)
    rule: Rule | None = None
    notes: tuple[str, ...] = ()

    def calibrated(self, answers: Answers) -> Answers:
        """The answers with the tasks' temperatures."""
        found = {
            task: at_temperature(p, self.temperatures.get(task), task in self.several).astype(np.float32)
            for task, p in answers.probability.items()
        }
        return replace(answers, probability=found)

    def answered(self, answers: Answers) -> Bool[np.ndarray, " photos"]:
        """Which of the photographs, calibrated, the rule answers."""
        if self.rule is None or not answers.files:
            return np.ones(len(answers.files), bool)
        return answers.probability[self.task].max(axis=1) >= self.rule.threshold


def reading_of(run: Run, calibrated: bool = False, abstain: float | None = None) -> Reading:
    """How the answers of a run are to be read; both choices are made on its validation split.

    That split has also chosen the run's epoch, so that temperature and rule are slightly optimistic.

    Args:
        run: a finished run.
        calibrated: with the temperatures of `dermimit.evaluate.temperatures`.
        abstain: withhold the least confident answers, so that among the others at most this share is wrong, on the
            validation split; from 0 to 1.

    Raises:
        ValueError: the first task, the disease where there is one, cannot be calibrated, or no threshold of confidence
            has so few errors; with the reason.
    """
    several = tuple(task for task in run.model.tasks if run.label_space.multi_label(task))
    exclusive = [task for task in ("disease", "body_part") if task in run.model.tasks and task not in several]
    task = exclusive[0] if exclusive else run.model.tasks[0]
    facts = stored_temperatures(run.path, run.predictions, run.label_space) if calibrated else {}
    found = temperatures(facts)
    why = {name: fact.get("reason") for name, fact in facts.items() if name not in found}
    if calibrated and task not in found:
        reason = why.get(task, "there are no predictions of it")
        raise ValueError(f"{run.path}: {task} cannot be calibrated: {reason}; predict without calibration")
    reading = Reading(task, several, found, notes=tuple(f"{name} is not calibrated: {why[name]}" for name in why))
    return reading if abstain is None else replace(reading, rule=_rule(run, reading, abstain))


def _rule(run: Run, reading: Reading, risk: float) -> Rule:
    task = reading.task
    if task in reading.several:
        raise ValueError(f"{run.path}: {task} has any number of classes a photograph, no answer to withhold")
    truth, probability = known(run.predictions, run.label_space, task)
    probability = at_temperature(probability, reading.temperatures.get(task), multi_label=False)
    right = truth.argmax(axis=1) == probability.argmax(axis=1)
    patients = labelled(run.predictions, run.label_space, task)["patient_id"].to_list()
    try:
        return rule_for(probability.max(axis=1), right, risk, patients)
    except ValueError as error:
        raise ValueError(f"{run.path}, {task} on the validation split: {error}") from error
