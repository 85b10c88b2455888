"""How a site keeps its records: their keys, copies of them, and what people decide."""
