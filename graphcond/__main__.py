"""``python -m graphcond`` is the command ``graphcond``, which ``torchrun -m graphcond`` starts in several processes."""

from graphcond.cli import main

if __name__ == "__main__":
    main()
