"""How a site stops: for a while, under a hold, or for good."""
