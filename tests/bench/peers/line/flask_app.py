import joblib
from flask import Flask, request

estimator = joblib.load("model.joblib")
app = Flask(__name__)


@app.post("/predict")
def predict():
    return {"predictions": estimator.predict(request.get_json()).tolist()}
