"""Figures: from ended windows of the city's devices, and the tables of households' cells, to what may be published."""
