"""The command line: one module for each command, which hands its flags to the library."""
