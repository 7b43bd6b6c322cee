"""What is measured on predictions of samples that models were not trained on."""
