"""``python -m discorank`` is the command ``discorank``."""

from discorank.cli import main

if __name__ == "__main__":
    main()
