"""Files a blessed model in the registry and puts it in service, whole or not at all."""
