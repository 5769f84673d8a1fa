"""The engines that move bytes, behind one contract: rsync, sftp, local."""
