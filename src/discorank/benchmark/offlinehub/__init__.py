"""The suite offline-hub: real backbones whose weights come inside packages, on few real images."""
