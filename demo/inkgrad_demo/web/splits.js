// The examples behind an accuracy or a confusion matrix: the part of the data, and their number.

const isKnown = (value) => value !== null && value !== undefined;

export function createSplits({ text, number, percent }) {
  // An accuracy on so many examples, as words; "" where there is none.
  function measured(share, examples) {
    if (!isKnown(share)) return "";
    const values = { percent: percent(share, 2) };
    if (!isKnown(examples)) return values.percent; // of a run of an earlier version
    return text("run.accuracy", { ...values, examples: number(examples, 0) });
  }

  return {
    measured,
    // On the validation part; where there is none, the training part is evaluated.
    onValidation(share, examples) {
      if (examples !== 0 || !isKnown(share)) return measured(share, examples);
      return text("run.accuracy.training", { percent: percent(share, 2) });
    },
    // "validation part (5,000 examples)"
    evaluated({ validation_examples: validation, examples }) {
      if (validation === 0) return text("run.split.training", { examples: number(examples, 0) });
      if (!isKnown(validation)) return text("run.split.validation");
      return text("run.split.validation_of", { examples: number(validation, 0) });
    },
    splitOfConfusion({ test, validation_examples: validation, confusion }) {
      const examples = number(
        confusion.flat().reduce((sum, count) => sum + count, 0),
        0,
      );
      if (test) return text("run.split.test", { examples });
      return text(validation === 0 ? "run.split.training" : "run.split.validation_of", {
        examples,
      });
    },
  };
}
