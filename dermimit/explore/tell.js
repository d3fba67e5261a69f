// What the explorer says in words: what a change did to the prediction, and how a reader's guess compares.

const chance = (p) => `${(100 * p).toFixed(0)}\u00a0%`;
const first = (values) => values.reduce((best, p, i) => (p > values[best] ? i : best), 0);

const PREDICTED = { disease: "predicted disease", body_part: "predicted body part", attributes: "most probable attribute" };

/** One sentence: the prediction before and after a change. */
function changeOf(before, now, names, what = PREDICTED.disease) {
  const led = first(before), leads = first(now);
  if (led === leads) return `The ${what} stays ${words(names[led])}; its probability goes from ${chance(before[led])} to ${chance(now[led])}.`;
  return `The ${what} changes from ${words(names[led])} (${chance(before[led])}) to ${words(names[leads])} (${chance(now[leads])}).`;
}

/** One sentence: the two most probable classes, or the only one. */
function predictionOf(now, names, what = PREDICTED.disease) {
  return `${what[0].toUpperCase()}${what.slice(1)}: ${ranked(now, 2).map((i) => `${words(names[i])} ${percent(now[i])}`).join(", then ")}.`;
}

/** Sentences: guess, model, Bayes-optimal classifier and truth of a synthetic case, and how often each was correct so far. */
function verdictOf(guess, now, names, { truth, bayes }, tally) {
  const leads = first(now), right = (name) => (name === truth.disease ? "correct" : "not correct");
  const said = [["you", guess], ["model", names[leads]], ...(bayes ? [["best", bayes[0][0]]] : [])];
  tally.cases += 1;
  for (const [who, name] of said) tally[who] += name === truth.disease;
  const best = bayes ? ` The Bayes-optimal classifier, which knows all that the image can show, predicts ${words(bayes[0][0])} (${chance(bayes[0][1])}): ${right(bayes[0][0])}.` : "";
  const score = [["you", "you"], ["model", "the model"], ["best", "the Bayes-optimal classifier"]].slice(0, said.length).map(([who, name]) => `${name} ${tally[who]}`).join(", ");
  return `The true disease is ${words(truth.disease)}. You chose ${words(guess)}: ${right(guess)}. The model predicts ${words(names[leads])} (${chance(now[leads])}): ${right(names[leads])}.${best}`
    + ` Correct so far, of ${tally.cases}: ${score}.`;
}
