"""What ``pip install dropout-lab`` installs: the lab as one package, laid out and rewritten out of the checkout."""
