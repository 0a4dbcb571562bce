"""What an answer is on the wire: its bytes, its faults, its deadlines and its retries."""
