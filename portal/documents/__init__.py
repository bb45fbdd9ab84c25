"""Clinical documents as people read them: who wrote what for whom, the sections, the file inside, thumbnails."""
