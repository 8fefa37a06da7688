import joblib
import mlflow
import numpy as np

rows = np.loadtxt("rows.csv", skiprows=1, ndmin=2)
estimator = joblib.load("model.joblib")
signature = mlflow.models.infer_signature(rows, estimator.predict(rows))
mlflow.sklearn.save_model(estimator, "saved", signature=signature, serialization_format="cloudpickle")
