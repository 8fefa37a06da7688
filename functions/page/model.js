// What the page says of the model.
const METRICS = {
  r2: ["R²", "share of the target's variance that is explained; 1 is best, 0 is no better than answering the mean"],
  rmse: ["RMSE", "root mean squared error, in the unit of the target"],
  mae: ["MAE", "mean absolute error, in the unit of the target"],
  median_absolute_error: ["median absolute error", "half of the errors are smaller, in the unit of the target"],
  bias: ["bias", "mean of predicted minus actual, in the unit of the target"],
  roc_auc: ["ROC AUC", "how often a row of the class gets a higher score than another, of several classes the mean; 1 is best, 0.5 is chance"],
  log_loss: ["log loss", "of the probabilities, in nats; 0 is best"],
  brier: ["Brier score", "squared error of the probabilities; 0 is best"],
  average_precision: ["average precision", "area under the precision-recall curve; 1 is best"],
  calibration_error: ["calibration error", "distance of the probabilities from observed shares; 0 is best"],
  accuracy: ["accuracy", "share of the rows whose class is right"],
  balanced_accuracy: ["balanced accuracy", "mean over the classes of the share that is found"],
  f1: ["F1", "harmonic mean of recall and precision; 1 is best"],
  recall: ["recall", "share of the class's rows that are found"],
  precision: ["precision", "share of the rows predicted to be of the class that are"],
};
const HEADLINES = ["r2", "rmse", "mae", "roc_auc", "log_loss", "balanced_accuracy", "accuracy"];
const MOST_HEADLINES = 3;
function metricWords(name) {
  const [kind, ...label] = name.split(":");
  const [title, meaning] = Object.hasOwn(METRICS, kind) ? METRICS[kind] : [kind.replaceAll("_", " "), ""];
  return [visible(label.length ? `${title} of ${label.join(":")}` : title), meaning];
}

function showModel() {
  const {name, version} = MODEL.model;
  document.title = `${name} version ${version}`;
  $("name").replaceChildren(name, " ", element("small", {}, `version ${version}`));
  const count = MODEL.features.length;
  const about = [MODEL.classes ? `Predicts which of ${MODEL.classes.length} classes ${target} is` : `Predicts ${target}, a number,`, ` from ${count === 1 ? "1 column" : `${figure(count)} columns`}.`];
  if (MODEL.classes && MODEL.classes.length <= 10) about.push(` Classes: ${MODEL.classes.map(each => visible(spelled(each))).join(", ")}.`);
  if (MODEL.created) about.push(` Made ${MODEL.created.slice(0, 10)}`, MODEL.rows ? ` from ${figure(MODEL.rows[0])} rows, ${figure(MODEL.rows[1])} of them held out.` : ".");
  $("about").append(...about);
  const headlines = HEADLINES.filter(each => Object.hasOwn(MODEL.metrics, each)).slice(0, MOST_HEADLINES);
  for (const each of headlines) {
    const {value, low, high} = MODEL.metrics[each];
    const [title, meaning] = metricWords(each);
    const ends = low === null || high === null ? "" : ` (interval ${figure(low)} to ${figure(high)})`;
    $("figures").append(element("li", {}, element("b", {}, figure(value)), element("span", {}, title + ends), element("span", {}, meaning)));
  }
  for (const [each, {value, low, high}] of Object.entries(MODEL.metrics)) {
    const [title, meaning] = metricWords(each);
    const cells = [value, low, high].map(number => element("td", {class: "n"}, figure(number)));
    $("metrics").append(element("tr", {}, element("th", {scope: "row"}, title), ...cells, element("td", {}, meaning)));
  }
  $("all-metrics").hidden = !Object.keys(MODEL.metrics).length;
  $("legend").textContent = count === 1 ? "Its column" : `Its ${figure(count)} columns`;
  const links = [["openapi.json", "OpenAPI document"], ["readyz", "readiness"]].map(([path, text]) => element("a", {href: `${ROOT.replace(/\/$/, "")}/${path}`}, text));
  $("footer").append(`The function ${MODEL.function} answers this page. `, links[0], " · ", links[1]);
}

