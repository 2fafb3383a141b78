"""The dataset: case files, their update, harvested candidates, and their copy in MLflow."""
