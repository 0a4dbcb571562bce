// The cells of the log: a row's values as they are read, searched and sorted.

function logRow(row) {
  const moment = new Date(row.started);
  const two = (number) => String(number).padStart(2, "0");
  const made = {
    ...row,
    at: moment.getTime(),
    day: `${two(moment.getMonth() + 1)}-${two(moment.getDate())}`,
    clock: [moment.getHours(), moment.getMinutes(), moment.getSeconds()].map(two).join(":"),
  };
  const texts = [
    made.clock, row.source, row.conversation, row.model, row.status, row.finish_reason, row.prompt,
    row.reply, row.error, row.comparison, logTokens(row), logCost(row.cost), logSeconds(row.seconds),
  ];
  made.found = texts.filter(Boolean).join("\n").toLowerCase();
  return made;
}

// What is unknown stands at the end, whichever way the rest is sorted.
function logCompared(a, b, name, sign) {
  const [first, second] = name === "started" ? [a.at, b.at] : [a[name], b[name]];
  if (first === null || second === null) {
    return (first === null) - (second === null);
  }
  const order = typeof first === "number" ? first - second : first.localeCompare(second);
  return sign * order;
}

function logClass(name, number) {
  return `chatnb-log-${name.replace("_", "-")}${number ? " chatnb-log-number" : ""}`;
}

function logTokens({ prompt_tokens: asked, completion_tokens: answered }) {
  const counted = (count) => (count === null ? "?" : count.toLocaleString("en"));
  return asked === null && answered === null ? "" : `${counted(asked)} + ${counted(answered)}`;
}

function logCost(cost) {
  if (cost === null) {
    return "";
  }
  // Not String: it writes what is below a millionth as 5e-7.
  const small = () => cost.toLocaleString("en", { maximumSignificantDigits: 2 });
  return `$${cost === 0 ? "0" : cost >= 1 ? cost.toFixed(2) : small()}`;
}

function logSeconds(seconds) {
  return seconds === null ? "" : seconds.toFixed(2);
}
