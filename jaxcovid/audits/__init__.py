"""How much of a figure is not the disease: leaks between splits, what is told without the lungs."""
