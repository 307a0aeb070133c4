"""What a household keeps and sees once it has answered: receipts, what left, readings, history, and all of it as a file."""
