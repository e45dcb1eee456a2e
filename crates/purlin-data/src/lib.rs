//! Data sets, image folders, CSV/IDX/NPY readers, augmentation and batching, reproducible with any number of workers.
