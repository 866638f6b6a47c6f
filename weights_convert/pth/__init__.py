"""PyTorch's .pth files, read and written without PyTorch and without executing anything in them.

Own code, since no library reads all three containers without torch and without running what a
pickle asks for.
"""
