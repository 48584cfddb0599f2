"""The engines that ship, one file each."""
