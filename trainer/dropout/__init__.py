"""Every kind of dropout: what it makes of a rate, masks made of noise, and where noise comes from."""
