"""Six hundred visits to a clinic: ask for a prediction at each, and write down later how the patient fared.

    python tests/support/visits.py NAME SLOPE BASE ADDRESS

writes NAME-labels.csv (request_id and disease progression) and NAME.csv (body mass index and disease progression).
"""

import json
import random
import sys
import urllib.request


def main(name: str, slope: float, base: float, address: str) -> None:
    """Disease progression is base + slope · bmi + noise; the same *name* gives the same visits."""
    random.seed(name)
    with open(f"{name}-labels.csv", "w") as labels, open(f"{name}.csv", "w") as rows:  # noqa: PTH123
        print("request_id,disease_progression", file=labels)
        print("bmi,disease_progression", file=rows)
        for number in range(600):
            bmi = random.gauss(0.03, 0.05)
            truth = base + slope * bmi + random.gauss(0, 50)
            headers = {"Content-Type": "application/json", "X-Request-Id": f"{name}-{number}"}
            body = json.dumps({"instance": bmi}).encode()
            urllib.request.urlopen(urllib.request.Request(f"{address}/stream", body, headers)).read()
            print(f"{name}-{number},{truth}", file=labels)
            print(f"{bmi},{truth}", file=rows)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), sys.argv[4])
