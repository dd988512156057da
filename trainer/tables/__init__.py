"""A file of a reader's own, from bytes to numbers: tables of text and files of images. Imports no torch."""
