"""PyTorch's .pth files, read and written without PyTorch and without executing anything in them."""
