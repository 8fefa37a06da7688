// The page: its form, filled in with an example, and what happens when it changes.
const MODEL = JSON.parse(document.getElementById("model").textContent);
// The function's address: the page's own, or of docs the folder; a slash behind the function's name is not needed.
const ROOT = location.origin + location.pathname.replace(/\/docs$/, "/").replace(new RegExp(`(/${MODEL.function})/$`), "$1");
const MANY_FIELDS = 12, TOP = 10;
const $ = id => document.getElementById(id);
const target = MODEL.target && MODEL.target.name ? visible(String(MODEL.target.name)) : "the target";
const fields = MODEL.features.map(field);

function showFields() {
  $("fields").append(...fields.map(each => each.box));
  if (fields.length <= MANY_FIELDS) return;
  $("find").hidden = false;
  $("filter").addEventListener("input", () => filterFields($("filter").value));
}

function filterFields(text) {
  const wanted = text.toLowerCase();
  let shown = 0;
  for (const each of fields) {
    each.box.hidden = !each.name.toLowerCase().includes(wanted);
    shown += !each.box.hidden;
  }
  $("found").textContent = text ? `${figure(shown)} of ${figure(fields.length)} columns` : "";
}

function changed() {
  $("before").hidden = !$("prediction");
  showSnippet();
}

showModel();
showFields();
for (const each of fields) each.reset();
showCalls();
$("form").addEventListener("submit", event => { event.preventDefault(); predict(); });
$("form").addEventListener("reset", event => {
  event.preventDefault();
  for (const each of fields) { each.reset(); each.tell("fault", ""); }
  changed();
});
$("form").addEventListener("input", changed);
$("form").addEventListener("change", changed);
