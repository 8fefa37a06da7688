import os

import joblib
import litserve


class Line(litserve.LitAPI):
    def setup(self, device):  # noqa: ARG002 - LitServe calls it with one
        self.estimator = joblib.load("model.joblib")

    def predict(self, rows):
        return self.estimator.predict(rows).tolist()


if __name__ == "__main__":
    server = litserve.LitServer(Line(), accelerator="cpu")
    server.run(port=int(os.environ["PORT"]), generate_client_file=False)
