"""What a household keeps and sees once it has answered: receipts, what left, its readings, its history, and all of it as a file."""
