"""Properties that hold for any input: a short look in every test run, a long one by `make fuzz`.

What `make fuzz` finds becomes a plain test beside the code that was wrong.
"""
