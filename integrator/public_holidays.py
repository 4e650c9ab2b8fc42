"""Public holidays: the days that a calendar's country has off, added to its closed days."""

from mapping.hours import Hours

YEARS = range(2020, 2041)


def with_holidays(hours: Hours) -> Hours:
    """The calendar with its country's public holidays closed; ValueError when the country or its part is unknown."""
    if hours.holidays is None:
        return hours
    from holidays import country_holidays  # noqa: PLC0415 - a third of a second, for those who use it

    country, part = hours.holidays.country, hours.holidays.subdivision
    try:
        days = country_holidays(country, subdiv=part, years=YEARS)
    except NotImplementedError:
        where = f"{country}-{part}" if part else country
        raise ValueError(f"no public holidays are known for {where!r}; write for example DE, or DE with BE") from None
    closed = sorted({*hours.closed, *(day.isoformat() for day in days)})
    return hours.model_copy(update={"closed": tuple(closed)})
