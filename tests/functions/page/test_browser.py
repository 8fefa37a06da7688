"""The page in a real browser, over a real function: what a person fills in, reads and is told."""

from __future__ import annotations

import json

import pytest

from tests.functions.page.conftest import CLASSES, LEVELS, NAMES
from tests.support.pages import HOSTILE

SAID = "document.querySelector('#said').textContent"
TOLD = """Object.fromEntries([...document.querySelectorAll('.field')].map(box => [box.querySelector('label').textContent,
  box.querySelector('.told').textContent]).filter(([, text]) => text))"""


def field(place: int) -> str:
    return f"#column-{place}"


def ask(tab) -> str:
    """Press the button, and give what is said."""
    tab.evaluate("document.querySelector('#said').textContent = ''")
    tab.click("#predict")
    tab.until(SAID)
    return tab.text("#said")


def shown(tab):
    return tab.evaluate("document.querySelector('#prediction').value")


@pytest.mark.parametrize(
    ("function", "below"), [("batch", ""), ("batch", "/docs"), ("batch", "/"), ("stream", "/docs")]
)
def test_a_filled_in_form_gets_the_function_s_own_answer(visit, pages, function, below):
    tab = visit("price", function, below=below)
    for place, value in enumerate(["12.5", "1", "1", "true", "1970-01-01T07:30:00Z"]):
        tab.fill(field(place), value)

    said = ask(tab)

    answer = pages("price", function).predicted([12.5, "blue", 2, True, "1970-01-01T07:30:00Z"])
    prediction = answer["prediction"] if function == "stream" else answer["predictions"][0]
    assert (json.loads(shown(tab)), prediction) == (141.5, 141.5)
    assert said == "disease_progression:\n141.5\n1 value is unlike training, flagged beside its field."
    assert tab.evaluate(TOLD) == {"late": "'late' = true is outside the training range [false, false]"}
    assert tab.complaints() == []
    address = pages("price", function).address
    assert tab.requests() == [("GET", address + below), ("POST", address)]


@pytest.mark.parametrize(
    ("name", "function"),
    [
        *((name, "batch") for name in ("line", "price", "punctual", "hostile", "hostile-classes", "wide", "deep")),
        *((name, "stream") for name in ("price", "hostile-classes")),
    ],
)
def test_the_form_is_filled_in_with_an_example_that_works(visit, name, function):
    tab = visit(name, function)

    said = ask(tab)

    assert "problem" not in said
    assert "refused" not in said
    assert tab.evaluate("document.querySelectorAll('.fault:not([hidden])').length") == 0
    assert tab.complaints() == []


def test_a_prediction_is_drawn_among_those_of_training(visit):
    tab = visit("line")
    tab.fill(field(0), "1")

    ask(tab)

    assert shown(tab) == "3"
    assert tab.evaluate("document.querySelector('figure svg').getAttribute('aria-label')") == (
        "3 is above about 3 % of the training predictions, which go from 0 to 100 with the median at 50."
    )
    assert tab.evaluate("document.querySelectorAll('figure rect').length") == 24


@pytest.mark.parametrize(
    ("cell", "words"),
    [("-1", "below all training predictions"), ("1e3", "above all training predictions"), ("-0.5", "the smallest of")],
)
def test_a_prediction_outside_those_of_training_is_said_to_be(visit, cell, words):
    tab = visit("line")
    tab.fill(field(0), cell)

    ask(tab)

    assert words in tab.text("figcaption")
    assert tab.complaints() == []


def test_a_classifier_s_probabilities_are_bars_the_likeliest_first(visit):
    tab = visit("punctual")
    tab.fill(field(1), "1")

    said = ask(tab)

    rows = tab.evaluate("[...document.querySelectorAll('.shares tr')].map(row => row.innerText.replace(/\\s+/g, ' '))")
    widths = tab.evaluate("[...document.querySelectorAll('.shares i')].map(bar => bar.style.width)")
    assert (said, rows, widths) == ("disease_progression:\non time", ["on time 75.0 %", "late 25.0 %"], ["75%", "25%"])


def test_problems_stand_beside_their_fields_and_the_first_is_focused(visit):
    tab = visit("price")
    tab.fill(field(0), "twelve")
    tab.fill(field(4), "soon")

    said = ask(tab)

    assert said == "2 values have a problem, shown beside the field."
    assert tab.evaluate(TOLD) == {
        "age": "'age' must be a number, got \"twelve\"",
        "when": "'when' must be a date or a time like 2026-11-26T01:30:00Z, got \"soon\"",
    }
    assert tab.evaluate("document.activeElement.id") == "column-0"
    described = "document.getElementById(at.getAttribute('aria-describedby').split(' ')[0]).textContent"
    tab.evaluate("window.at = document.querySelector('#column-4')")
    assert tab.evaluate("at.getAttribute('aria-invalid')") == "true"
    assert tab.evaluate(described).startswith("'when' must be")
    tab.fill(field(0), "12")
    tab.fill(field(4), "1970-01-01")
    assert ask(tab) == "disease_progression:\n23"
    assert tab.evaluate("document.querySelectorAll('[aria-invalid]').length") == 0


@pytest.mark.parametrize("typed", ["1,5", "NaN", "1e999", "0x10", "--1", "1 2", "'", "<b>"])
def test_a_number_that_is_none_is_refused_by_the_function_and_not_guessed(visit, typed):
    tab = visit("line")
    tab.fill(field(0), typed)

    assert ask(tab) == "1 value has a problem, shown beside the field."
    assert "must be a" in tab.text(".told")


@pytest.mark.parametrize(("typed", "value"), [(".5", "2"), ("+0.5", "2"), ("5.e-1", "2"), (" 0.5 ", "2"), ("−.5", "0")])
def test_a_number_is_taken_in_the_spellings_that_a_path_takes(visit, typed, value):
    tab = visit("line")
    tab.fill(field(0), typed)

    ask(tab)

    assert shown(tab) == value


def test_a_missing_cell_and_an_unknown_level_are_answered_and_flagged(visit, pages):
    tab = visit("price")
    tab.fill(field(0), "")
    tab.fill(field(1), "another")
    tab.evaluate("document.querySelector('input.other').value = 'gréen'")

    ask(tab)

    assert (
        json.loads(shown(tab))
        == 15
        == pages("price").predicted([None, "gréen", 1, False, "1970-01-01"])["predictions"][0]
    )
    assert tab.evaluate(TOLD) == {"colour": "'colour' = \"gréen\" is a level that training never saw"}
    tab.fill(field(1), "missing")
    ask(tab)
    assert json.loads(shown(tab)) == 17
    assert tab.evaluate(TOLD) == {"colour": "'colour' is missing, and was never missing in training"}


def test_a_missing_cell_that_the_model_does_not_take_is_a_problem(visit):
    tab = visit("line")
    tab.fill(field(0), "")

    ask(tab)

    assert tab.evaluate(TOLD) == {"bmi": "'bmi' must be a number, got null"}


def test_hostile_names_levels_and_targets_are_text(visit, pages):
    tab = visit("hostile")
    tab.fill(field(1), "1")

    said = ask(tab)

    labels = tab.evaluate("[...document.querySelectorAll('.field > label')].map(label => label.textContent)")
    unseen = {"\x00": "\\u0000", "\u2028": "\\u2028", "\u202e": "\\u202e"}
    assert labels == [name.translate(str.maketrans(unseen)) for name in NAMES.values()]
    options = tab.evaluate("[...document.querySelector('#column-1').options].map(option => option.textContent)")
    assert options == [*LEVELS.values(), "(missing)", "(another level)"]
    assert said == "<b>price</b>:\n37"
    assert tab.evaluate("document.querySelectorAll('img, b > b, p b b, i').length") == 0
    assert tab.complaints() == []
    assert [method for method, _ in tab.requests()] == ["GET", "POST"]
    predicted = pages("hostile").predicted([25.0, LEVELS["blue"], 1, False, "1970-01-01"])
    assert predicted["predictions"] == [37]


def test_hostile_classes_are_text(visit):
    tab = visit("hostile-classes", "stream")

    assert ask(tab) == f"disease_progression:\n{HOSTILE}"
    assert tab.evaluate("[...document.querySelectorAll('.shares th')].map(cell => cell.textContent)") == [
        *CLASSES.values()
    ]
    assert tab.complaints() == []


def test_the_keyboard_alone_fills_in_asks_and_chooses_a_call(visit):
    tab = visit("line")
    order = []
    for _ in range(8):
        tab.press("Tab")
        order.append(tab.evaluate("document.activeElement.id || document.activeElement.textContent"))
        if order[-1] == "column-0":
            tab.evaluate("document.activeElement.select()")
            tab.type("0.75")

    tab.evaluate("document.querySelector('#column-0').focus()")
    tab.press("Enter")
    tab.until(SAID)

    assert order == ["All metrics", "column-0", "predict", "Example values", "address", "token", "tab-0", "panel"]
    assert shown(tab) == "2.5"
    assert tab.evaluate("document.activeElement.id") == "column-0"
    tab.evaluate("document.querySelector('#tab-0').focus()")
    tab.press("ArrowLeft")
    assert tab.evaluate("document.activeElement.textContent") == "SQL"
    tab.press("ArrowRight")
    tab.press("ArrowRight")
    assert (
        tab.evaluate("document.activeElement.getAttribute('aria-selected') + document.activeElement.textContent")
        == "truegcloud"
    )
    assert tab.evaluate("document.querySelectorAll('[role=tab][tabindex=\"0\"]').length") == 1


def test_focus_is_seen_on_everything_that_takes_it(visit):
    tab = visit("price")
    seen = set()
    for _ in range(15):
        tab.press("Tab")
        style = "getComputedStyle(document.activeElement)"
        seen.add(tab.evaluate(f"{style}.outlineStyle + ' ' + {style}.outlineWidth"))

    assert tab.evaluate("document.activeElement.textContent") == "readiness"
    assert seen == {"solid 3px"}


@pytest.mark.parametrize("name", ["price", "punctual", "hostile", "hostile-classes", "wide", "deep"])
@pytest.mark.parametrize(("width", "dark"), [(400, True), (400, False), (1200, True)])
def test_nothing_overflows_sideways(visit, name, width, dark):
    tab = visit(name, width=width, dark=dark)
    ask(tab)
    tab.evaluate("document.querySelector('details').open = true")

    widths = tab.evaluate("[document.documentElement.clientWidth, document.documentElement.scrollWidth]")
    clipped = tab.evaluate(
        "[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll, datalist, option, svg')).map(e => e.outerHTML.slice(0, 90))"
    )

    assert (widths, clipped) == ([width, width], [])


CONTRAST = """(() => {
  const parts = text => text.match(/[\\d.]+/g).map(Number);
  const light = text => { const [r, g, b] = parts(text).slice(0, 3).map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = element => { for (let at = element; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor; if (parts(colour).length === 3) return colour; } };
  const texts = [...document.querySelectorAll('main *')].filter(e => e.checkVisibility() && !e.closest('option, datalist') &&
    ([...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || /^(INPUT|SELECT)$/.test(e.tagName)));
  return texts.map(e => { const style = getComputedStyle(e);
    const [a, b] = [light(e.namespaceURI.endsWith('svg') ? style.fill : style.color), light(behind(e))].sort();
    return [(b + 0.05) / (a + 0.05), e.outerHTML.slice(0, 80)]; }).filter(([ratio]) => ratio < 4.5);
})()"""


@pytest.mark.parametrize("dark", [False, True])
def test_all_text_stands_out_from_what_is_behind_it(visit, dark):
    tab = visit("price", dark=dark)
    tab.fill(field(0), "99")
    ask(tab)
    tab.evaluate("document.querySelector('details').open = true")
    flagged = tab.evaluate(CONTRAST)
    tab.fill(field(4), "soon")
    ask(tab)

    assert (flagged, tab.evaluate(CONTRAST)) == ([], [])


def test_everything_that_is_used_has_a_name_for_a_screen_reader(visit):
    tab = visit("deep")
    ask(tab)

    nodes = tab._do("Accessibility.getFullAXTree")["nodes"]

    used = {"textbox", "combobox", "searchbox", "button", "checkbox", "tab", "link", "region", "image", "tabpanel"}
    named = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]]
    assert [role for role, name in named if role in used and not name.strip()] == []
    assert {"textbox", "combobox", "button", "tab", "tabpanel", "image"} - {role for role, _ in named} == {"image"}
    assert tab.evaluate("document.querySelectorAll('[role=status]').length") >= 2


def test_three_hundred_columns_are_found_by_name(visit):
    tab = visit("wide")
    tab.fill("#filter", "measurement 299")

    seen = tab.evaluate("[...document.querySelectorAll('.field:not([hidden]) label')].map(label => label.textContent)")

    assert [name.split(" at ")[0] for name in seen] == ["measurement 299"]
    assert tab.text("#found") == "1 of 300 columns"
    tab.evaluate("document.querySelector('#column-7').value = 'x'")
    ask(tab)
    assert tab.evaluate("document.activeElement.id") == "column-7"
    assert tab.text("#found") == ""


def test_ten_thousand_levels_are_suggested_when_their_field_is_entered(visit, pages):
    tab = visit("deep")
    before = tab.evaluate("document.querySelectorAll('datalist option').length")
    tab.fill(field(5), "level 777 <i>")

    after = tab.evaluate("document.querySelectorAll('datalist option').length")

    assert (before, after) == (0, 1000)
    ask(tab)
    assert tab.evaluate(TOLD) == {}
    tab.fill(field(5), "level 7")
    ask(tab)
    assert tab.evaluate(TOLD) == {"category 0": "'category 0' = \"level 7\" is a level that training never saw"}


def test_example_values_come_back(visit):
    tab = visit("price")
    tab.fill(field(0), "x")
    tab.fill(field(1), "another")

    tab.click("button[type=reset]")

    assert tab.evaluate(
        "[...document.querySelectorAll('[id^=column-]:is(input, select)')].map(each => each.value)"
    ) == ["25", "0", "0", "false", "1970-01-01"]


ANSWERS = {
    "no-token": (401, "text/html", "<h1>Unauthorized</h1>", "The call was refused (401): the function is private"),
    "no-right": (403, "text/html", "<h1>Forbidden</h1>", "The call was refused (403): the function is private"),
    "no-model": (
        503,
        "application/problem+json",
        '{"detail": "no model is loaded yet; try again in 2 s"}',
        "No model is loaded yet; try again in 2 s.",
    ),
    "no-instance": (503, "text/html", "busy", "The function is not available now (503); try again soon."),
    "too-large": (
        413,
        "application/problem+json",
        '{"detail": "send it in parts"}',
        "The call was refused (413): send it in parts",
    ),
    "else": (
        200,
        "text/html",
        "<p>sign in</p>",
        "The address answered with status 200, and not as this function does.",
    ),
}


@pytest.mark.parametrize(("status", "kind", "body", "words"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_is_no_prediction_is_explained(visit, status, kind, body, words):
    tab = visit("line")
    response = f"new Response({json.dumps(body)}, {{status: {status}, headers: {{'Content-Type': '{kind}'}}}})"
    tab.evaluate(f"void (window.fetch = async () => {response})")

    assert ask(tab).startswith(words)
    assert tab.complaints() == []


def test_a_network_that_fails_is_said_and_the_next_call_works(visit):
    tab = visit("line")
    tab.offline()
    said = ask(tab)
    tab.offline(offline=False)

    assert said == "The function could not be reached: the network failed, or the function does not run."
    assert ask(tab) == "disease_progression:\n1"


def test_an_answer_of_another_version_is_said_to_be(visit):
    tab = visit("line")
    answer = '{"predictions": [2.5], "model": {"name": "line", "version": 2}}'
    tab.evaluate(f"void (window.fetch = async () => new Response({json.dumps(answer)}))")

    ask(tab)

    assert (
        tab.text("#drawn .flag") == "Version 2 answered; this page describes version 1. Load it again for the new one."
    )


def test_a_problem_without_a_field_is_listed(visit):
    tab = visit("price")
    answer = '{"detail": "d", "errors": [{"detail": "row 0: beyond float64", "pointer": "/instances/0"}]}'
    tab.evaluate(f"void (window.fetch = async () => new Response({json.dumps(answer)}, {{status: 400}}))")

    assert ask(tab) == "The call was refused:"
    assert tab.text("#drawn li") == "beyond float64"


def test_on_a_phone_the_answer_comes_into_view_and_so_does_a_problem(visit):
    tab = visit("wide", width=400)
    tab.evaluate("document.querySelector('#column-3').scrollIntoView()")
    ask(tab)
    seen = "(at => at.top >= 0 && at.bottom <= innerHeight)(document.querySelector('{}').getBoundingClientRect())"

    assert tab.evaluate(seen.format("#said")) is True
    tab.fill(field(150), "x")
    ask(tab)
    assert tab.evaluate(seen.format("#column-150")) is True
    assert tab.evaluate(seen.format("#predict")) is True


@pytest.mark.parametrize(
    ("name", "hint"), [("line", "training −1 to 1"), ("price", "training 0 to 50; may be missing")]
)
def test_a_field_shows_the_range_of_training(visit, name, hint):
    assert visit(name).text(".hint[id]:not(#found)") == hint


@pytest.mark.parametrize(
    ("ends", "shown"),
    [
        ("-0.09027529589850945, 0.16085491731571683", "−0.090275 0.16085"),
        ("0.30000000000000004, 0.1", "0.30000000000000004 0.1"),
        ("1234567.5, 1e21", "1234568 1e+21"),
    ],
)
def test_an_end_of_a_range_is_rounded_to_its_inside(visit, ends, shown):
    tab = visit("line")
    values = tab.evaluate("document.querySelector('body > script:last-of-type').textContent")
    ends_of = f"(([low, high]) => `${{end(low, each => each < low)}} ${{end(high, each => each > high)}}`)([{ends}])"
    script = values.partition("// Calls of the function")[0] + "globalThis.found = " + ends_of + "}"

    assert tab.evaluate(f"{script}; found") == shown


def test_an_answer_to_other_values_is_said_to_be(visit):
    tab = visit("line")
    hidden = "document.querySelector('#before').hidden"
    tab.fill(field(0), "0.25")
    unasked = tab.evaluate(hidden)
    ask(tab)
    asked = tab.evaluate(hidden)
    tab.fill(field(0), "0.5")

    assert (unasked, asked, tab.evaluate(hidden)) == (True, True, False)
    ask(tab)
    assert tab.evaluate(hidden) is True


def test_a_threshold_is_said_below_the_bars(visit):
    tab = visit("punctual")
    ask(tab)

    assert tab.text("#drawn .note") == "late is answered from a probability of 0.3 on."


@pytest.mark.parametrize("function", ["batch", "stream"])
def test_many_classes_are_cut_to_the_likeliest(visit, function):
    tab = visit("many", function)

    assert ask(tab) == "disease_progression:\nc05"
    labels = tab.evaluate("[...document.querySelectorAll('.shares th')].map(cell => cell.textContent)")
    assert labels == ["c05", "c02", "c09", "c00", "c01", "c03", "c04", "c06", "c07", "c08"]
    assert tab.text("#drawn .hint") == "The likeliest 10 of 12 classes."


def test_a_classifier_without_probabilities_answers_its_label_alone(visit):
    tab = visit("bare")

    assert ask(tab) == "disease_progression:\nc05"
    assert tab.text("#drawn") == ""


def test_a_redacted_column_is_typed_without_a_suggestion(visit, pages):
    tab = visit("redacted")
    kinds = tab.evaluate("[...document.querySelectorAll('[id^=column-]:is(input, select)')].map(each => each.tagName)")
    hints = tab.evaluate("[...document.querySelectorAll('.field .hint')].map(each => each.textContent)")
    tab.evaluate("document.querySelector('[type=checkbox]').click()")
    tab.fill(field(1), "blue")
    tab.fill(field(2), "2")

    ask(tab)

    assert kinds == ["INPUT", "INPUT", "INPUT", "SELECT", "INPUT"]
    assert hints[1:3] == [
        "a category; its levels are not shown; may be missing; never logged",
        "a category; its levels are not shown; never logged",
    ]
    assert tab.evaluate("document.querySelectorAll('option').length") == 2
    assert (
        json.loads(shown(tab))
        == 47
        == pages("redacted").predicted([25, "blue", 2, False, "1970-01-01"])["predictions"][0]
    )


def test_a_missing_level_among_many_has_a_box_of_its_own_and_an_empty_text_is_a_level(visit):
    tab = visit("deep")
    sent = "document.querySelector('#snippet').textContent.match(/\"category 1\": ([^\\n]*?),?\\n/)[1]"
    tab.fill(field(6), "")
    empty = tab.evaluate(sent)
    tab.evaluate("document.querySelector('[aria-label=\"missing: category 1\"]').click()")

    assert (empty, tab.evaluate(sent)) == ('""', "null")
    ask(tab)
    assert tab.evaluate(TOLD) == {"category 1": "'category 1' is missing, and was never missing in training"}
    assert tab.evaluate("document.querySelector('#column-6').disabled") is True


def test_a_level_of_several_lines_is_chosen_in_one(visit):
    tab = visit("deep")
    tab.fill(field(5), "ontwo lines")

    ask(tab)

    assert tab.evaluate(TOLD) == {}
    assert '"category 0": "on\\ntwo lines"' in tab.text("#snippet")
