//! Property-test strategies, naive references and laws for machine-learning code.
