// The function's answer, drawn.
const SVG = "http://www.w3.org/2000/svg";
const MOST_BARS = 10, BINS = 24;

// The answer of either function as one row: {value, classes, shares, model, warnings, flagged}.
function rowOf(answer) {
  const many = "predictions" in answer;
  const shares = answer.probabilities && (many ? answer.probabilities[0] : answer.probabilities);
  const classes = answer.classes && (many && Array.isArray(answer.classes[0]) ? answer.classes[0] : answer.classes);
  const warnings = answer.warnings || [];
  const flagged = answer.warnings_total || warnings.length;
  return {value: many ? answer.predictions[0] : answer.prediction, classes, shares, model: answer.model, warnings, flagged};
}

// The share of training predictions below *value*, from their deciles.
function shareBelow(value, deciles) {
  if (value < deciles[0]) return 0;
  if (value > deciles[10]) return 1;
  const above = deciles.findIndex(decile => decile > value);
  if (above === -1) return 1;
  const low = deciles[above - 1];
  return (above - 1 + (value - low) / (deciles[above] - low)) / 10;
}

function standing(value, deciles) {
  const equal = deciles.filter(decile => decile === value).length;
  if (deciles[0] === deciles[10]) return value === deciles[0] ? "equal to all training predictions" : "unlike all training predictions, which are equal";
  if (value < deciles[0]) return "below all training predictions";
  if (value > deciles[10]) return "above all training predictions";
  if (value === deciles[0]) return "the smallest of the training predictions";
  if (value === deciles[10]) return "the largest of the training predictions";
  const percent = Math.min(99, Math.max(1, Math.round(100 * shareBelow(value, deciles))));
  return `above about ${percent} % of the training predictions${equal > 1 ? ", and equal to many" : ""}`;
}

function svg(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// Counts of the fiftieths by equal bins between the smallest and the largest prediction; without fiftieths a bar a decile.
function bars({deciles, parts}) {
  const low = deciles[0], width = deciles[10] - low;
  if (!(width > 0)) return [];
  if (!parts.length) {
    return deciles.slice(1).map((end, place) => ({from: deciles[place], to: end, height: end > deciles[place] ? 1 / (end - deciles[place]) : 0}));
  }
  const counts = new Array(BINS).fill(0);
  for (const part of parts) counts[Math.max(0, Math.min(BINS - 1, Math.floor((part - low) / width * BINS)))] += 1;
  return counts.map((height, bin) => ({from: low + width * bin / BINS, to: low + width * (bin + 1) / BINS, height}));
}

// Where *value* lies among the training predictions.
function spreadFigure(value, spread, target) {
  const deciles = spread.deciles, wide = 440, high = 120, pad = 24;
  // A value that is far outside stands at the edge, with an arrow: its distance would leave no room for the bars.
  const room = (deciles[10] - deciles[0]) / 4;
  const drawnAt = room > 0 ? Math.min(deciles[10] + room, Math.max(deciles[0] - room, value)) : value;
  const low = Math.min(deciles[0], drawnAt), reach = Math.max(deciles[10], drawnAt) - low || 1;
  const x = number => pad + (wide - 2 * pad) * (number - low) / reach;
  const label = drawnAt < value ? `${figure(value, 6)} →` : drawnAt > value ? `← ${figure(value, 6)}` : figure(value, 6);
  const words = `${figure(value, 6)} is ${standing(value, deciles)}, which go from ${figure(deciles[0])} to ${figure(deciles[10])} with the median at ${figure(deciles[5])}.`;
  const drawing = svg("svg", {viewBox: `0 0 ${wide} ${high + 56}`, role: "img", "aria-label": words});
  const drawn = bars(spread), most = Math.max(...drawn.map(bar => bar.height), 0) || 1;
  for (const bar of drawn) {
    const height = (high - 10) * bar.height / most, left = x(bar.from), right = x(bar.to);
    drawing.append(svg("rect", {class: "bar", x: left + 0.5, y: 22 + high - height, width: Math.max(right - left - 1, 0.5), height}));
  }
  drawing.append(svg("line", {class: "base", x1: pad, x2: wide - pad, y1: 22 + high, y2: 22 + high}));
  const at = x(drawnAt);
  const anchor = at < wide / 4 ? "start" : at > wide * 3 / 4 ? "end" : "middle";
  drawing.append(svg("line", {class: "mark", x1: at, x2: at, y1: 20, y2: 22 + high}));
  drawing.append(svg("text", {class: "here", x: at, y: 13, "text-anchor": anchor}, label));
  drawing.append(svg("text", {x: x(deciles[0]), y: high + 40, "text-anchor": "start"}, figure(deciles[0])));
  drawing.append(svg("text", {x: x(deciles[10]), y: high + 40, "text-anchor": "end"}, figure(deciles[10])));
  return element("figure", {}, drawing, element("figcaption", {}, `Training predictions of ${target}: ${words}`));
}

// Probabilities as bars, the likeliest first.
function sharesTable(row, threshold) {
  const order = row.shares.map((share, place) => [share, row.classes[place]]).sort((a, b) => b[0] - a[0]).slice(0, MOST_BARS);
  const table = element("table", {class: "shares"}, element("caption", {}, "Probability of each class"));
  const body = element("tbody");
  for (const [share, label] of order) {
    const bar = element("i", {"aria-hidden": "true"});
    bar.style.width = `${100 * share}%`;
    const percent = share > 0 && share < 0.001 ? "< 0.1 %" : `${(100 * share).toFixed(1)} %`;
    const line = element("tr", label === row.value ? {class: "top"} : {}, element("th", {scope: "row"}, visible(spelled(label))), element("td", {class: "bar"}, bar), element("td", {class: "n"}, percent));
    body.append(line);
  }
  table.append(body);
  const found = [table];
  if (threshold && typeof threshold.value === "number") {
    found.push(element("p", {class: "note"}, `${spelled(threshold.positive)} is answered from a probability of ${figure(threshold.value)} on.`));
  }
  return found;
}
