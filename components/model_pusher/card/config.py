"""What only the owner of a model can say of it: the YAML section `card:`."""

from __future__ import annotations

from pydantic import Field

from trainer.settings import Settings


class CardConfig(Settings):
    """Goes into the model card as it stands; what is empty is said to be unsaid, not left out."""

    license: str = Field(
        "",
        description="Licence of the model, as Hugging Face names it (`apache-2.0`, `cc-by-4.0`, `other` ...).",
    )
    license_link: str = Field("", description="Address of the licence's text.")
    owners: tuple[str, ...] = Field((), description="People or teams to ask, such as an address.")
    overview: str = Field("", description="What the model is for, in a sentence or two.")
    intended_users: tuple[str, ...] = Field((), description="Who is meant to use it.")
    intended_use: tuple[str, ...] = Field((), description="What it is meant to be used for.")
    out_of_scope: tuple[str, ...] = Field((), description="What it must not be used for.")
    limitations: tuple[str, ...] = Field(
        (), description="Where it is known to fail; added to what imagemill knows itself."
    )
    tradeoffs: tuple[str, ...] = Field((), description="What was given up for what.")
    ethical_considerations: dict[str, str] = Field(
        {}, description="Risks, each with what is done about it."
    )
    datasets: tuple[str, ...] = Field(
        (), description="Ids of the training data on Hugging Face's hub, such as `org/photos`."
    )
    data_description: str = Field(
        "",
        description="Where the photos come from, and whether they show people or private things.",
    )
    base_model: str = Field(
        "", description="Id on Hugging Face's hub of the model whose weights training began with."
    )
    languages: tuple[str, ...] = Field(
        (), description="Languages of the class names, ISO 639-1, such as `en`."
    )
    tags: tuple[str, ...] = Field((), description="Further tags for Hugging Face's hub.")
    references: tuple[str, ...] = Field((), description="Papers, notes, addresses.")
    citation: str = Field("", description="How to cite it.")
